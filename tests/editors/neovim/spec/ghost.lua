--- Ghost text from a real server in a real Neovim: what is typed, seen, accepted and refused, in the copy of the
--- sample project that $PROJECT names. A test that needs a suggestion types the start of a line that stands
--- elsewhere in the file.

local ghost = require('quicksilver.ghost')
local status = require('quicksilver.status')
local request = require('quicksilver.request')
local shown = require('quicksilver.shown')

local PROJECT = vim.env.PROJECT
--- The line of `shop.rs` that the tests write again, and how it starts.
local LINE = vim.env.EXPECTED or 'let pieces = self.pieces.entry(article.to_owned()).or_insert(0);'
local START = 'let pieces = '
--- The empty line of `shop.rs`, counted from 1.
local HOLE = 23

---@return string[]
local function buffer()
  return vim.api.nvim_buf_get_lines(0, 0, -1, false)
end

---@return string
local function ghost_text()
  local drawn = ghost.inspect(0)
  if not drawn then
    return ''
  end
  local lines = { drawn.first }
  vim.list_extend(lines, drawn.further)
  return table.concat(
    vim.tbl_map(function(chunks)
      return table.concat(vim.tbl_map(function(chunk)
        return chunk[1]
      end, chunks))
    end, lines),
    '\n'
  )
end

--- Opens `name` fresh and waits for the server.
---@param name string
local function open(name)
  vim.cmd.stopinsert()
  pause(20)
  vim.cmd('silent! %bwipeout!')
  vim.cmd.edit(vim.fs.joinpath(PROJECT, name))
  wait_for('the server', function()
    return status.get().client == 'running' and require('quicksilver.client').of(0)
  end)
end

--- Starts to write the known line in the hole, and waits for a suggestion that can be accepted.
---@return string the ghost text
local function suggest()
  open('shop.rs')
  vim.api.nvim_win_set_cursor(0, { HOLE, 0 })
  type_keys('0C            ' .. START)
  return wait_for('a suggestion', function()
    return shown.can_accept() and ghost_text() ~= '' and ghost_text()
  end)
end

it('the server starts with the first file and is told the project', function()
  open('shop.rs')
  local client = require('quicksilver.client').of(0)
  equal('root', client.root_dir, PROJECT)
  equal('built-in ghost text', vim.lsp.inline_completion.is_enabled({ client_id = client.id }), false)
end)

it('ghost text shows and is accepted with Tab', function()
  local text = suggest()
  equal('ghost text', START .. text, LINE)
  local before = status.get().accepted
  type_keys('<Tab>')
  equal('line', vim.trim(buffer()[HOLE]), LINE)
  equal('cursor', vim.fn.col('.'), #buffer()[HOLE] + 1)
  equal('counted', status.get().accepted, before + 1)
  type_keys('<Esc>u')
  equal('undone in one step', vim.trim(buffer()[HOLE]), vim.trim(START))
end)

it('a word is accepted, and the rest stays', function()
  local text = suggest()
  local word = require('quicksilver.suggestion').next_word(text)
  type_keys('<M-Right>')
  equal('line', vim.trim(buffer()[HOLE]), START .. word)
  equal('rest', ghost_text(), text:sub(#word + 1))
  type_keys('<M-Down>')
  equal('the line', vim.trim(buffer()[HOLE]), LINE:match('^[^\n]*'))
end)

it('another one can be looked at, and accepted', function()
  local text = suggest()
  type_keys('<M-]>')
  local other = ghost_text()
  equal('another one', other ~= '' and other ~= text, true)
  type_keys('<M-[>')
  equal('the first again', ghost_text(), text)
  type_keys('<M-]><Tab>')
  equal('line', vim.trim(buffer()[HOLE]), START .. other)
end)

it('typing along shortens the ghost text without asking again', function()
  local text = suggest()
  local asked = status.get().asked
  for i = 1, 4 do
    type_keys(text:sub(i, i) == '<' and '<lt>' or text:sub(i, i))
    equal('ghost text', ghost_text(), text:sub(i + 1))
  end
  equal('asked', status.get().asked, asked)
  type_keys('<BS>')
  equal('grows back', ghost_text(), text:sub(4))
end)

it('something else typed takes it away at once', function()
  suggest()
  vim.api.nvim_input('@')
  wait_for('the key', function()
    return vim.api.nvim_get_current_line():find('@', 1, true)
  end)
  equal('ghost text that fits', vim.startswith(ghost_text(), '@'), false)
end)

it('dismiss hides it until the text changes', function()
  suggest()
  type_keys('<C-]>')
  equal('ghost text', ghost_text(), '')
  pause(150)
  equal('still', ghost_text(), '')
  equal('nothing to accept', shown.can_accept(), false)
end)

it('leaving insert mode, or the buffer, takes it away', function()
  suggest()
  type_keys('<Esc>')
  equal('after <Esc>', ghost_text(), '')
  suggest()
  local bufnr = vim.api.nvim_get_current_buf()
  vim.cmd.new()
  equal('mark in the buffer left', ghost.inspect(bufnr), nil)
end)

it('pain 20: no ghost text stays behind in a window that was left', function()
  suggest()
  local bufnr = vim.api.nvim_get_current_buf()
  vim.cmd.split()
  equal('mark, after a split', ghost.inspect(bufnr), nil)
  equal('nothing to accept', shown.can_accept(), false)
  suggest()
  bufnr = vim.api.nvim_get_current_buf()
  type_keys('<C-o>:')
  equal('mark, on the command line', ghost.inspect(bufnr), nil)
  type_keys('<Esc>')
end)

it('a read-only buffer gets none, and the status says why', function()
  open('shop.rs')
  local asked = status.get().asked
  vim.bo.readonly = true
  vim.api.nvim_win_set_cursor(0, { HOLE, 0 })
  type_keys('0C            ' .. START)
  pause(150)
  equal('ghost text', ghost_text(), '')
  equal('asked', status.get().asked, asked)
  equal('reason', status.reason(), 'read-only')
end)

it('a selection is not answered', function()
  suggest()
  local asked = status.get().asked
  type_keys('<Esc>gh')
  equal('mode', vim.fn.mode(), 's')
  pause(150)
  equal('ghost text', ghost_text(), '')
  request.trigger()
  pause(50)
  equal('asked', status.get().asked, asked)
  type_keys('<Esc>')
end)

it('Tab is a tab where nothing shows', function()
  open('shop.rs')
  require('quicksilver.config').current.automatic = false
  vim.api.nvim_win_set_cursor(0, { HOLE, 0 })
  vim.o.smarttab = false
  vim.bo.expandtab, vim.bo.softtabstop, vim.bo.indentexpr, vim.bo.cindent = false, 0, '', false
  type_keys('0C<Tab>')
  require('quicksilver.config').current.automatic = true
  equal('line', buffer()[HOLE], '\t')
end)

it('the trigger key asks where nothing was asked', function()
  open('shop.rs')
  require('quicksilver.config').current.automatic = false
  vim.api.nvim_win_set_cursor(0, { HOLE, 0 })
  type_keys('0C            ' .. START)
  equal('before', ghost_text(), '')
  type_keys('<M-Bslash>')
  wait_for('a suggestion', shown.can_accept)
  require('quicksilver.config').current.automatic = true
  equal('ghost text', START .. ghost_text(), LINE)
end)

it('the server sends frames, and all of them are of the file that was asked for', function()
  local frames, taken = {}, request.on_frame
  require('quicksilver.client').on_frame(function(frame)
    frames[#frames + 1] = frame
    taken(frame)
  end)
  suggest()
  require('quicksilver.client').on_frame(taken)
  local offered = require('quicksilver.client').of(0).server_capabilities.experimental
  equal('offered', offered.quicksilver.frames, true)
  -- A model that needs one step has nothing to refine: what frames look like is tested in frames.lua.
  for _, frame in ipairs(frames) do
    equal('file', frame.uri, vim.uri_from_bufnr(0))
  end
end)

it('.env gets no ghost text, and the status says why', function()
  open('.env')
  type_keys('GoDATABASE_URL=')
  local reason = wait_for('the reason', function()
    local reason = status.reason()
    return reason and reason:find('never sent', 1, true) and reason
  end)
  equal('ghost text', ghost_text(), '')
  equal('in the status line', status.statusline():find(reason:sub(1, 10), 1, true) ~= nil, true)
end)

it('a file type can be turned off', function()
  open('shop.rs')
  require('quicksilver.config').current.disabledLanguages = { 'rust' }
  local asked = status.get().asked
  vim.api.nvim_win_set_cursor(0, { HOLE, 0 })
  type_keys('0C            ' .. START)
  pause(100)
  equal('asked', status.get().asked, asked)
  equal('reason', status.reason(), 'disabled for language "rust"')
  require('quicksilver.config').current.disabledLanguages = {}
end)

it('a buffer that was given another name gets ghost text under it, before it is written', function()
  suggest()
  type_keys('<Esc>')
  vim.cmd('file ' .. PROJECT .. '/renamed.rs')
  type_keys('A')
  wait_for('a suggestion', shown.can_accept)
end)

it('a killed server comes back, knows the text, and suggests again', function()
  suggest()
  local client = require('quicksilver.client').of(0)
  for _, pid in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do
    vim.uv.kill(pid, 'sigkill')
  end
  wait_for('the restart', function()
    local now = require('quicksilver.client').of(0)
    return now and now.id ~= client.id
  end)
  equal('restarts', status.get().restarts, 1)
  local text = suggest()
  equal('ghost text', START .. text, LINE)
end)

it(':Quicksilver says the state, the model and why nothing shows', function()
  suggest()
  local function told(arguments)
    return vim.api.nvim_exec2('Quicksilver ' .. arguments, { output = true }).output
  end
  wait_for('the model', function()
    return status.get().model
  end)
  equal('model', told('model'), 'model: quicksilver on cpu')
  equal('why', told('why'), 'Nothing keeps suggestions from showing here')
  vim.cmd('Quicksilver toggle buffer')
  equal('turned off', told('why'), 'Nothing shows here: disabled in this buffer')
  equal('no ghost text', ghost_text(), '')
  vim.cmd('Quicksilver toggle buffer')
  equal('turned on', told('why'), 'Nothing keeps suggestions from showing here')
  equal('models', require('quicksilver.binary').models(), { 'quicksilver' })
end)

it(':Quicksilver why names the key that shows what the model is not sure of', function()
  open('shop.rs')
  local client = require('quicksilver.client')
  local before = client.of(0).id
  require('quicksilver.config').current.showUnsure = false
  require('quicksilver').restart()
  wait_for('the restart', function()
    return client.of(0) and client.of(0).id ~= before
  end)
  vim.api.nvim_win_set_cursor(0, { HOLE, 0 })
  type_keys('0C            zebra = ')
  wait_for('silence', function()
    return (status.reason() or ''):find('not sure enough', 1, true)
  end)
  local told = vim.api.nvim_exec2('Quicksilver why', { output = true }).output
  equal('the key', told:match('; (%S+) shows it all the same$'), '<M-Bslash>')
  type_keys('<M-Bslash>')
  wait_for('what it is not sure of', shown.can_accept)
  require('quicksilver.config').current.showUnsure = true
  require('quicksilver').restart()
end)

it('a restart on purpose is no death, and nothing is started twice', function()
  open('shop.rs')
  local client, restarts = require('quicksilver.client'), status.get().restarts
  local before = client.of(0).id
  vim.cmd('Quicksilver disable')
  vim.cmd('Quicksilver enable')
  wait_for('another client', function()
    return client.of(0) and client.of(0).id ~= before
  end)
  before = client.of(0).id
  vim.cmd('Quicksilver restart')
  wait_for('one more', function()
    return client.of(0) and client.of(0).id ~= before
  end)
  pause(400)
  equal('restarts', status.get().restarts, restarts)
  equal('clients', #vim.lsp.get_clients({ name = 'quicksilver' }), 1)
end)

it('disable stops the server, enable starts it', function()
  vim.cmd('Quicksilver disable')
  wait_for('the end', function()
    return status.get().client == 'stopped' and #vim.lsp.get_clients({ name = 'quicksilver' }) == 0
  end)
  equal('reason', require('quicksilver').reason(), 'disabled')
  vim.cmd('Quicksilver enable')
  equal('ghost text', START .. suggest(), LINE)
end)

it(':checkhealth finds nothing wrong', function()
  open('shop.rs')
  vim.cmd('checkhealth quicksilver')
  local report = table.concat(buffer(), '\n')
  vim.cmd.bwipeout()
  equal('errors', report:find('ERROR', 1, true), nil)
  equal('executable', report:find('quicksilver 0', 1, true) ~= nil, true)
end)
