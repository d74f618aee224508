--- D3: a working day in Neovim: typing, undoing, pasting, block edits, indenting, renaming, filtering. Again and again the
--- server's fingerprint of the text is compared with the buffer's, in each file format. Prints lines of the reliability
--- report.

local NIGHTLY = vim.env.QUICKSILVER_TIER == 'nightly'
local EDITS = NIGHTLY and 1000 or 100
--- Edits between two comparisons.
local BATCH = 10

math.randomseed(tonumber(vim.env.QUICKSILVER_SEED) or 1370168926)

local WORDS = { 'total', 'self.pieces', '😀', '変数', 'e\204\129', '"text"', 'fn f() {', '}', '// é', 'x = 1;' }
local NAMES = { 'pieces', 'article', 'total', 'self', 'let' }

---@generic T
---@param all T[]
---@return T
local function one_of(all)
  return all[math.random(#all)]
end

--- Each gives keys that are typed in normal mode.
local KINDS = {
  -- A carriage return within a line, and at its end; in the format of old Macs it would end the line.
  function() return vim.bo.fileformat == 'mac' and 'x' or 'a' .. one_of(WORDS) .. '<C-v><CR>' .. one_of(WORDS) .. '<Esc>' end,
  function() return vim.bo.fileformat == 'mac' and 'x' or 'A<C-v><CR><Esc>' end,
  function() return 'o' .. one_of(WORDS) .. ' ' .. one_of(WORDS) .. '<Esc>' end,
  function() return 'O<CR><CR>' .. one_of(WORDS) .. '<Esc>' end,
  function() return 'a' .. one_of(WORDS) .. '<BS><BS>' .. one_of(WORDS) .. '<Esc>' end,
  function() return 'ciw' .. one_of(NAMES) .. '<Esc>' end,
  function() return 'A' .. one_of(WORDS) .. '<Tab><Esc>' end,
  function() return 'u' end,
  function() return 'uuu<C-r>' end,
  function() return '<C-r>' end,
  function() return 'yyp' end,
  function() return 'yiwP' end,
  function() return '3ddp' end,
  function() return 'J' end,
  function() return 'x' end,
  function() return 'dd' end,
  -- Several cursors: a column of lines.
  function() return '<C-v>jjI' .. one_of(NAMES) .. ' <Esc>' end,
  function() return '<C-v>jj$A ' .. one_of(WORDS) .. '<Esc>' end,
  function() return '<C-v>jjld' end,
  -- Format: indent anew, sort.
  function() return 'gg=G' end,
  function() return '>>' end,
  function() return ':.,+3sort<CR>' end,
  -- Rename.
  function() return ':%s/\\<lt>' .. one_of(NAMES) .. '\\>/' .. one_of(NAMES) .. '/ge<CR>' end,
  function() return ':g/^\\s*$/d<CR>' end,
  function() return ':m0<CR>' end,
  function() return '~' end,
  function() return '.' end,
}

local LINE_ENDS = { unix = '\n', dos = '\r\n', mac = '\r' }

---@return string
local function text()
  local line_end = LINE_ENDS[vim.bo.fileformat]
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), line_end) .. line_end
end

---@param client vim.lsp.Client
---@param when string
local function compare(client, when)
  -- By its number: only then what is not sent yet goes first.
  local bufnr = vim.api.nvim_get_current_buf()
  local uri = vim.uri_from_bufnr(bufnr)
  local answer = client:request_sync('quicksilver/digest', { textDocument = { uri = uri } }, 10000, bufnr)
  local digest = assert(answer and answer.result, 'no digest')
  equal('in step after ' .. when, digest.inStep, true)
  equal('text after ' .. when, digest.hash, vim.fn.sha256(text()))
end

---@param format string
---@param edits integer
local function working_day(format, edits)
  vim.cmd.edit({ vim.fs.joinpath(vim.env.PROJECT, 'shop.rs'), bang = true })
  vim.bo.fileformat = format
  local client = wait_for('the server', function()
    return require('quicksilver.client').of(0)
  end)
  local original = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  local compared = 0
  for edit = 1, edits do
    if vim.api.nvim_buf_line_count(0) < 10 or vim.api.nvim_buf_line_count(0) > 400 then
      vim.api.nvim_buf_set_lines(0, 0, -1, false, original)
    end
    local row = math.random(vim.api.nvim_buf_line_count(0))
    local line = vim.fn.getline(row)
    local byte = math.random(1, math.max(1, #line))
    -- At the start of a character: nobody's cursor stands inside one, and a paste there would leave bytes that are no text.
    vim.api.nvim_win_set_cursor(0, { row, #line == 0 and 0 or byte - 1 + vim.str_utf_start(line, byte) })
    if math.random(12) == 1 then
      vim.api.nvim_paste(one_of(WORDS) .. '\n' .. one_of(WORDS) .. '\n', true, -1)
    else
      local keys = one_of(KINDS)()
      vim.api.nvim_input(keys)
      pause(keys:find('<Esc>') and 25 or 15)
    end
    if edit % BATCH == 0 then
      vim.cmd.stopinsert()
      pause(20)
      compare(client, ('%d edits'):format(edit))
      compared = compared + 1
    end
  end
  local did = ('Neovim: %d edits as of a person, %s, %d digests compared'):format(edits, format, compared)
  io.stdout:write('\nreliability | D3 | ' .. did .. ' | 0 divergences\n')
end

it('D3: the server has the text of a working day', function()
  working_day('unix', EDITS)
end)

it('D3: the same with the line ends of Windows', function()
  working_day('dos', EDITS / 2)
end)

it('D3: the same with the line ends of old Macs', function()
  working_day('mac', EDITS / 2)
end)

it('a file that is read anew in another format is counted anew', function()
  local path = vim.fs.joinpath(vim.env.PROJECT, 'mac.rs')
  local file = assert(io.open(path, 'wb'))
  file:write('fn a() {}\rfn b() {}\r')
  file:close()
  vim.cmd.edit(path)
  local client = wait_for('the server', function()
    return require('quicksilver.client').of(0)
  end)
  for _, format in ipairs({ 'unix', 'mac', 'unix', 'mac' }) do
    vim.cmd('edit! ++ff=' .. format)
    equal('the format', vim.bo.fileformat, format)
    vim.fn.setline(1, vim.fn.getline(1) .. ' // x')
    vim.fn.append('$', 'fn c() {}')
    vim.fn.setline('$', 'fn d() {}')
    vim.bo.endofline = true
    compare(client, 'edits in the format ' .. format)
  end
end)
