--- Fills several places together, and writes a selection anew: which places, the request, and the keys of the preview.
--- Must not know how the preview is drawn.

local client = require('quicksilver.client')
local config = require('quicksilver.config')
local preview = require('quicksilver.preview')
local protocol = require('quicksilver.protocol')

local M = {}

local api = vim.api
local marks = api.nvim_create_namespace('quicksilver.marks')

---@class quicksilver.Asking
---@field token string
---@field bufnr integer
---@field tick integer
---@field client vim.lsp.Client
---@field id? integer of the LSP request
---@field seq integer of the last frame

---@type quicksilver.Asking?
local asking
local tokens = 0

--- What the keys do while a preview is shown; each key does what it did before once the preview is gone.
local PREVIEW_KEYS = {
  ['<Tab>'] = { 'take this one', preview.accept },
  ['<CR>'] = { 'take all', preview.accept_all },
  ['<Esc>'] = { 'dismiss', preview.dismiss },
  ['<M-]>'] = { 'show another', function() preview.cycle(1, config.current.maskGlyph) end },
  ['<M-[>'] = { 'show the one before', function() preview.cycle(-1, config.current.maskGlyph) end },
}
---@type table<integer, table<string, table>> by buffer: what the keys were mapped to
local former = {}

---@param bufnr integer
local function set_keys(bufnr)
  if former[bufnr] then
    return
  end
  former[bufnr] = {}
  for key, action in pairs(PREVIEW_KEYS) do
    local map = vim.fn.maparg(key, 'n', false, true)
    former[bufnr][key] = map.buffer == 1 and map or false
    vim.keymap.set('n', key, action[2], { buffer = bufnr, nowait = true, desc = 'Quicksilver: ' .. action[1] })
  end
end

---@param bufnr integer
local function remove_keys(bufnr)
  for key, map in pairs(former[bufnr] or {}) do
    pcall(vim.keymap.del, 'n', key, { buffer = bufnr })
    if map and api.nvim_buf_is_valid(bufnr) then
      api.nvim_buf_call(bufnr, function()
        vim.fn.mapset('n', false, map)
      end)
    end
  end
  former[bufnr] = nil
end

---@param asked quicksilver.Asking
---@param offers quicksilver.Offer[]
---@param final boolean
local function show(asked, offers, final)
  set_keys(asked.bufnr)
  preview.show(asked.bufnr, offers, {
    encoding = asked.client.offset_encoding,
    glyph = config.current.maskGlyph,
    final = final,
    done = function()
      remove_keys(asked.bufnr)
      M.cancel()
    end,
  })
end

--- Gives up what is on its way.
function M.cancel()
  local given_up = asking
  asking = nil
  if given_up and given_up.id and not given_up.client:is_stopped() then
    given_up.client:cancel_request(given_up.id)
  end
end

--- Asks, and shows what comes. `params` lacks what is the same for all questions.
---@param bufnr integer
---@param method string
---@param params table
---@param offers_of fun(result: table): quicksilver.Offer[]
local function ask(bufnr, method, params, offers_of)
  local server = client.of(bufnr)
  if not server then
    vim.notify('quicksilver: ' .. (config.reason_off(bufnr) or 'the server is not running yet'), vim.log.levels.WARN)
    return
  end
  M.cancel()
  preview.dismiss()
  tokens = tokens + 1
  local asked = {
    token = tostring(tokens),
    bufnr = bufnr,
    tick = api.nvim_buf_get_changedtick(bufnr),
    client = server,
    seq = -1,
  }
  asking = asked
  params.textDocument = { uri = vim.uri_from_bufnr(bufnr) }
  params.frameToken = config.current.refinement ~= 'off' and asked.token or nil
  local _, id = server:request(method, params, function(err, result)
    if asking ~= asked then
      return
    end
    asking = nil
    result = type(result) == 'table' and result or {}
    local offers = err and {} or offers_of(result)
    if #offers == 0 or api.nvim_buf_get_changedtick(bufnr) ~= asked.tick then
      preview.dismiss()
      local reason = err and err.message or vim.tbl_get(result, 'silence', 'message') or 'nothing to show'
      vim.notify('quicksilver: ' .. reason, vim.log.levels.INFO)
      return
    end
    api.nvim_buf_clear_namespace(bufnr, marks, 0, -1)
    show(asked, offers, true)
  end, bufnr)
  asked.id = id
end

--- Takes in a frame of the request on its way.
---@param params any
function M.on_frame(params)
  local asked = asking
  local frame = protocol.fill_frame(params)
  if not asked or not frame or frame.token ~= asked.token or frame.seq <= asked.seq then
    return
  end
  if api.nvim_buf_get_changedtick(asked.bufnr) ~= asked.tick then
    return
  end
  asked.seq = frame.seq
  show(asked, vim.tbl_map(function(hole)
    return { range = hole.range, texts = { '' }, index = 1, runs = hole.runs }
  end, frame.holes), false)
end

---@param bufnr integer
---@param row integer
---@param col integer bytes
---@param encoding string
---@return lsp.Position
local function position(bufnr, row, col, encoding)
  local line = api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
  return { line = row, character = vim.str_utfindex(line, encoding, math.min(col, #line), false) }
end

--- Marks the cursor's place to be filled, or takes its mark away.
function M.mark()
  local cursor = api.nvim_win_get_cursor(0)
  local row, col = cursor[1] - 1, cursor[2]
  -- In normal mode the cursor stands on the last character of a line; the place is behind it.
  if api.nvim_get_mode().mode == 'n' and col + 1 >= #api.nvim_get_current_line() then
    col = #api.nvim_get_current_line()
  end
  local here = api.nvim_buf_get_extmarks(0, marks, { row, col }, { row, col }, {})
  if here[1] then
    api.nvim_buf_del_extmark(0, marks, here[1][1])
  else
    api.nvim_buf_set_extmark(0, marks, row, col, { virt_text = { { '◆', 'QuicksilverMasked' } }, virt_text_pos = 'inline' })
  end
end

--- Fills the marked places; with lines, their placeholders too; with neither, the placeholder of the cursor's line.
---@param first? integer line, from 1
---@param last? integer
function M.fill(first, last)
  local bufnr = api.nvim_get_current_buf()
  local server = client.of(bufnr)
  local encoding = server and server.offset_encoding or 'utf-16'
  local holes = vim.tbl_map(function(mark)
    local at = position(bufnr, mark[2], mark[3], encoding)
    return { start = at, ['end'] = at }
  end, api.nvim_buf_get_extmarks(bufnr, marks, 0, -1, {}))
  local within
  local cursor = api.nvim_win_get_cursor(0)
  if not first and #holes == 0 then
    first, last = cursor[1], cursor[1]
  end
  if first then
    within = { start = { line = first - 1, character = 0 }, ['end'] = { line = last - 1, character = 0 } }
  end
  ask(bufnr, protocol.FILL, { holes = holes, within = within }, protocol.fill_offers)
end

--- Writes lines anew, or a range.
---@param first integer line, from 1
---@param last integer
function M.rewrite(first, last)
  local bufnr = api.nvim_get_current_buf()
  local server = client.of(bufnr)
  local encoding = server and server.offset_encoding or 'utf-16'
  local range = { start = position(bufnr, first - 1, 0, encoding), ['end'] = position(bufnr, last - 1, math.huge, encoding) }
  ask(bufnr, protocol.REWRITE, { range = range }, protocol.rewrite_offers)
end

--- Has the server look for misspelt names; it shows them as diagnostics.
function M.doubts()
  local bufnr = api.nvim_get_current_buf()
  local server = client.of(bufnr)
  if server then
    local shows = vim.diagnostic.config() or {}
    if not shows.virtual_text and not shows.virtual_lines then
      -- Neovim shows a sign only, and a doubt without the better name says nothing.
      vim.diagnostic.config({ virtual_text = true }, vim.lsp.diagnostic.get_namespace(server.id))
    end
    local argument = { textDocument = { uri = vim.uri_from_bufnr(bufnr) } }
    server:exec_cmd({ title = '', command = 'quicksilver.findDoubts', arguments = { argument } }, { bufnr = bufnr })
  else
    vim.notify('quicksilver: ' .. (config.reason_off(bufnr) or 'the server is not running yet'), vim.log.levels.WARN)
  end
end

--- Registers what the server's frames and code actions call.
function M.setup()
  vim.lsp.handlers[protocol.FILL_FRAME] = function(_, params)
    M.on_frame(params)
  end
  vim.lsp.commands['quicksilver.fill'] = function(command, context)
    local argument = command.arguments[1]
    ask(context.bufnr, protocol.FILL, { holes = argument.holes }, protocol.fill_offers)
  end
  vim.lsp.commands['quicksilver.rewrite'] = function(command, context)
    ask(context.bufnr, protocol.REWRITE, { range = command.arguments[1].range }, protocol.rewrite_offers)
  end
  local group = api.nvim_create_augroup('quicksilver.fill', {})
  local on_change = vim.schedule_wrap(preview.on_change)
  api.nvim_create_autocmd({ 'TextChanged', 'TextChangedI', 'BufUnload' }, { group = group, callback = on_change })
  local keys = config.current.keys
  local function map(modes, key, run, description)
    if key then
      vim.keymap.set(modes, key, run, { desc = 'Quicksilver: ' .. description })
    end
  end
  local selected = '<Esc><Cmd>lua require("quicksilver.fill").%s(vim.fn.line("\'<"), vim.fn.line("\'>"))<CR>'
  map({ 'n', 'i' }, keys.mark, M.mark, 'mark a place to be filled')
  map('n', keys.fill, function() M.fill() end, 'fill the marked places')
  map('x', keys.fill, selected:format('fill'), 'fill the selected placeholders')
  map('x', keys.rewrite, selected:format('rewrite'), 'write the selected lines anew')
end

return M
