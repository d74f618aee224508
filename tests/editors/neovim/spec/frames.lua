--- What the plugin makes of frames and answers, one by one, in any order: a server within Neovim that says what the
--- test tells it to say. The text on the screen is compared, masks as `░`.

local ghost = require('quicksilver.ghost')
local shown = require('quicksilver.shown')
local status = require('quicksilver.status')

---@type fun(method: string, params: table)
local notify
---@type { params: table, answer: fun(result: any) }[] not yet answered
local requests = {}
---@type table
local initialized
---@type integer[] ids
local cancelled = {}

--- A server's side of the connection, as |vim.lsp.ClientConfig|'s `cmd` may be.
local function scripted(dispatchers)
  local closing, id = false, 0
  notify = function(method, params)
    dispatchers.notification(method, params)
  end
  return {
    request = function(method, params, callback)
      id = id + 1
      if method == 'initialize' then
        initialized = params
        callback(nil, { capabilities = { inlineCompletionProvider = true, textDocumentSync = 1 }, serverInfo = { name = 's', version = '1' } })
      elseif method == 'textDocument/inlineCompletion' then
        requests[#requests + 1] = {
          params = params,
          answer = function(result)
            callback(nil, result)
          end,
        }
      else
        callback(nil, vim.NIL)
      end
      return true, id
    end,
    notify = function(method, params)
      if method == '$/cancelRequest' then
        cancelled[#cancelled + 1] = params.id
      end
      return true
    end,
    is_closing = function()
      return closing
    end,
    terminate = function()
      closing = true
      dispatchers.on_exit(0, 15)
    end,
  }
end

local start = vim.lsp.start
---@diagnostic disable-next-line: duplicate-set-field
vim.lsp.start = function(config, opts)
  config.cmd = scripted
  return start(config, opts)
end
require('quicksilver').setup({ binary = vim.v.progpath })
vim.g.loaded_quicksilver = nil
vim.cmd.runtime('plugin/quicksilver.lua')

---@return string[] groups of the first line
---@return string text of the first line
local function first_line()
  local drawn = ghost.inspect(0)
  local groups, text = {}, {}
  for _, chunk in ipairs(drawn and drawn.first or {}) do
    groups[#groups + 1], text[#text + 1] = chunk[2] or '', chunk[1]
  end
  return groups, table.concat(text)
end

--- Opens a file with `line` in it, goes to its end, and waits for the request.
---@param line string
local function ask(line)
  vim.cmd.stopinsert()
  pause(20)
  vim.cmd('silent! %bwipeout!')
  vim.cmd.edit(vim.fn.tempname() .. '.txt')
  wait_for('the server', function()
    return status.get().client == 'running' and require('quicksilver.client').of(0)
  end)
  requests = {}
  type_keys('i' .. line)
  return wait_for('a request', function()
    return table.remove(requests)
  end)
end

local function frame(request, seq, runs, changes)
  notify('quicksilver/frame', vim.tbl_extend('force', {
    session = 's1',
    uri = request.params.textDocument.uri,
    version = vim.lsp.util.buf_versions[vim.api.nvim_get_current_buf()],
    position = request.params.position,
    seq = seq,
    step = seq,
    steps = 4,
    state = 'denoising',
    runs = vim.tbl_map(function(run)
      return { text = run[1], kind = run[2], confidence = 0.5 }
    end, runs),
  }, changes or {}))
  pause(60)
end

local function item(text)
  return { items = { { insertText = text, command = { title = '', command = 'quicksilver.accepted', arguments = { { session = 's1' } } } } } }
end

it('settings that are not there are an empty object', function()
  ask('x = ')
  equal('as JSON', vim.json.encode(initialized.initializationOptions), '{"quicksilver":{}}')
end)

it('each frame replaces the one before, in the colours of its runs', function()
  local request = ask('x = ')
  frame(request, 0, { { '', 'masked' } })
  equal('all masked', { first_line() }, { { 'QuicksilverMasked' }, '░░░' })
  frame(request, 1, { { 'foo', 'committed' }, { '(a)', 'changed' }, { '+b', 'masked' } })
  local groups, text = first_line()
  equal('colours', groups, { 'QuicksilverCommitted', 'QuicksilverChanged', 'QuicksilverMasked' })
  equal('text', text, 'foo(a)░░')
  equal('status line', status.statusline(), 'qs 1/4')
  equal('acceptable', shown.can_accept(), false)
  type_keys('<C-]>')
  equal('dismissed', ghost.inspect(0), nil)
end)

it('from the first frame to the answer there is no redraw without ghost text', function()
  local request = ask('x = ')
  local seen = {}
  local watch = vim.api.nvim_create_namespace('quicksilver.test')
  vim.api.nvim_set_decoration_provider(watch, {
    on_win = function()
      local drawn = ghost.inspect(0)
      local text = select(2, first_line())
      seen[#seen + 1] = drawn and ('%s+%d'):format(text, #drawn.further) or ''
    end,
  })
  local span = { 'sum(', 'one,\n', 'two,\n', ')' }
  for step = 0, #span do
    local runs = {}
    for place, part in ipairs(span) do
      runs[#runs + 1] = { part, place == step and 'changed' or place < step and 'committed' or 'masked' }
    end
    frame(request, step, runs)
  end
  request.answer(item(table.concat(span)))
  wait_for('the answer to be drawn', function()
    return seen[#seen] == 'sum(one,+2' and shown.can_accept()
  end)
  vim.api.nvim_set_decoration_provider(watch, {})
  local from = vim.iter(ipairs(seen)):find(function(_, text)
    return text ~= ''
  end)
  local states = vim.list.unique(vim.list_slice(seen, from))
  equal('what was drawn', states, { '░░░░░░░░+2', 'sum(░░░░+2', 'sum(one,+2' })
end)

it('only the first step shows, or none, where the setting says so', function()
  local config = require('quicksilver.config').current
  config.refinement = 'first'
  local request = ask('x = ')
  frame(request, 0, { { 'a', 'masked' } })
  frame(request, 1, { { 'b', 'changed' } })
  equal('the first', select(2, first_line()), '░')
  request.answer(item('b'))
  pause(20)
  equal('the answer', select(2, first_line()), 'b')
  config.refinement = 'off'
  request = ask('x = ')
  frame(request, 0, { { 'a', 'masked' } })
  equal('none', ghost.inspect(0), nil)
  config.refinement = 'full'
end)

it('the answer takes the place of the frames, and can be accepted', function()
  local request = ask('x = ')
  frame(request, 0, { { 'foo', 'changed' } })
  local marks = vim.api.nvim_create_namespace('quicksilver.ghost')
  local mark = vim.api.nvim_buf_get_extmarks(0, marks, 0, -1, {})[1][1]
  request.answer(item('foo(b)\n+ c'))
  pause(20)
  equal('marks', vim.tbl_map(function(found)
    return found[1]
  end, vim.api.nvim_buf_get_extmarks(0, marks, 0, -1, {})), { mark })
  equal('text', select(2, first_line()), 'foo(b)')
  type_keys('<Tab>')
  equal('buffer', vim.api.nvim_buf_get_lines(0, 0, -1, false), { 'x = foo(b)', '+ c' })
end)

it('a frame that is late, foreign or of another version is dropped', function()
  local request = ask('x = ')
  frame(request, 2, { { 'new', 'changed' } })
  frame(request, 1, { { 'old', 'changed' } })
  equal('older', select(2, first_line()), 'new')
  frame(request, 3, { { 'elsewhere', 'changed' } }, { uri = 'file:///other' })
  frame(request, 4, { { 'before', 'changed' } }, { version = -1 })
  frame(request, 5, { { 'there', 'changed' } }, { position = { line = 9, character = 9 } })
  equal('not of this request', select(2, first_line()), 'new')
  request.answer(item('done'))
  pause(20)
  frame(request, 6, { { 'after', 'changed' } })
  equal('after the answer', select(2, first_line()), 'done')
end)

it('typing while it is refined cancels the request and asks again', function()
  local request = ask('x = ')
  frame(request, 0, { { 'foo', 'changed' }, { 'bar', 'masked' } })
  cancelled = {}
  type_keys('f')
  equal('kept while it fits', select(2, first_line()), 'oo░░░')
  wait_for('another request', function()
    return requests[1]
  end)
  equal('cancelled', #cancelled, 1)
  request.answer(item('stale'))
  pause(20)
  equal('an answer to the old request', select(2, first_line()), 'oo░░░')
  requests[1].answer({ items = {} })
  pause(20)
  equal('silence takes it away', ghost.inspect(0), nil)
end)

it('fast frames are drawn at most thirty times a second', function()
  local request = ask('x = ')
  local draws, draw = 0, ghost.draw
  ghost.draw = function(...)
    draws = draws + 1
    return draw(...)
  end
  local begun = vim.uv.now()
  for seq = 0, 99 do
    notify('quicksilver/frame', {
      session = 's1', uri = request.params.textDocument.uri, version = vim.lsp.util.buf_versions[vim.api.nvim_get_current_buf()], seq = seq, step = seq,
      position = request.params.position, state = 'denoising', runs = { { text = tostring(seq), kind = 'changed', confidence = 1 } },
    })
    pause(2)
  end
  pause(60)
  ghost.draw = draw
  equal('the last one is drawn', select(2, first_line()), '99')
  equal('draws', draws <= math.ceil((vim.uv.now() - begun) / 33) + 1, true)
end)

it('inside a line, several lines move the rest of the line to their end', function()
  local request = ask('f()<Left>')
  request.answer({ items = { { insertText = 'a,\n  b)', range = {
    start = request.params.position,
    ['end'] = { line = 0, character = request.params.position.character + 1 },
  } } } })
  pause(20)
  equal('the rest is covered', { first_line() }, { { 'QuicksilverCommitted' }, 'a,' })
  type_keys('<Tab>')
  equal('buffer', vim.api.nvim_buf_get_lines(0, 0, -1, false), { 'f(a,', '  b)' })
  type_keys('<Esc>u')
  equal('undone in one step', vim.api.nvim_buf_get_lines(0, 0, -1, false), { 'f()' })
end)

it('silence while the engine starts is asked about again once it is ready', function()
  local request = ask('x = ')
  local engine = { busy = true, kind = 'Normal', message = 'the engine is starting' }
  notify('quicksilver/status', engine)
  request.answer({ items = {} })
  pause(60)
  equal('asked meanwhile', #requests, 0)
  equal('reason', status.statusline(), 'qs: the engine is starting')
  notify('quicksilver/status', { busy = false, kind = 'Normal', message = '' })
  local again = wait_for('another request', function()
    return requests[1]
  end)
  again.answer(item('foo'))
  pause(20)
  equal('text', select(2, first_line()), 'foo')
  equal('status line', status.statusline(), 'qs')
end)

it('a reason for silence in one document ends with its next suggestion', function()
  local request = ask('x = ')
  local uri = request.params.textDocument.uri
  notify('quicksilver/status', { busy = false, kind = 'Normal', message = 'not sure enough', uri = uri })
  request.answer({ items = {} })
  pause(20)
  equal('reason', status.reason(), 'not sure enough')
  type_keys('f')
  local again = wait_for('another request', function()
    return requests[1]
  end)
  again.answer(item('oo'))
  pause(20)
  equal('reason', status.reason(), nil)
end)

it("Neovim's own ghost text stays off for this server, though it is on for all others", function()
  vim.lsp.inline_completion.enable(true)
  local request = ask('x = ')
  request.answer(item('foo'))
  pause(300)
  local builtin = vim.api.nvim_create_namespace('nvim.lsp.inline_completion')
  equal('its marks', vim.api.nvim_buf_get_extmarks(0, builtin, 0, -1, {}), {})
  equal('its requests', #requests, 0)
  vim.lsp.inline_completion.enable(false)
end)

it('the popup menu keeps its key while an item of it is selected', function()
  local request = ask('foobar fo')
  request.answer(item('xtrot'))
  pause(20)
  equal('acceptable', shown.can_accept(), true)
  type_keys('<C-n>')
  equal('hidden', shown.can_accept(), false)
  type_keys('<C-e>')
end)

it('a mapping of the user is what the key does where nothing shows', function()
  vim.keymap.set('i', '<C-g>x', 'yes')
  require('quicksilver.config').current.keys.accept = '<C-g>x'
  require('quicksilver.keymaps').set()
  ask('x = ')
  type_keys('<C-g>x')
  equal('line', vim.api.nvim_get_current_line(), 'x = yes')
  require('quicksilver.config').current.keys.accept = '<Tab>'
  require('quicksilver.keymaps').set()
  type_keys('<C-g>x')
  equal('given back', vim.api.nvim_get_current_line(), 'x = yesyes')
end)

it("Tab goes on to the plugin that had it: ghost text first, then a completion menu's and Copilot's mapping", function()
  local asked_menu = 0
  -- As nvim-cmp, blink.cmp and copilot.vim map it: an expression with a callback.
  vim.keymap.set('i', '<Tab>', function()
    asked_menu = asked_menu + 1
    return '<C-g>u<lt>menu>'
  end, { expr = true, replace_keycodes = true })
  require('quicksilver.keymaps').set()
  local request = ask('x = ')
  type_keys('<Tab>')
  equal('nothing shows', { vim.api.nvim_get_current_line(), asked_menu }, { 'x = <menu>', 1 })
  request = wait_for('another request', function()
    return requests[1]
  end)
  request.answer(item('foo'))
  pause(20)
  type_keys('<Tab>')
  equal('accepted', { vim.api.nvim_get_current_line(), asked_menu }, { 'x = <menu>foo', 1 })
  require('quicksilver.keymaps').remove()
  equal('given back', vim.fn.maparg('<Tab>', 'i', false, true).callback ~= nil, true)
  vim.keymap.del('i', '<Tab>')
  require('quicksilver.keymaps').set()
end)

it('what the user mapped with <SID>, or to another mapping, does what it did', function()
  local script = vim.fn.tempname() .. '.vim'
  vim.fn.writefile({
    'function! s:Word()',
    "  return 'expression'",
    'endfunction',
    'imap <expr> <C-g>x <SID>Word()',
    'inoremap <SID>own own',
    'inoremap <script> <C-g>y <SID>own',
    'inoremap jk other',
    'imap <C-g>z jk',
    'imap <expr> <C-g>w "\\<C-g>w"',
  }, script)
  vim.cmd.source(script)
  local keys = require('quicksilver.config').current.keys
  local accept = keys.accept
  for key, written in pairs({ x = 'expression', y = 'own', z = 'other', w = '' }) do
    keys.accept = '<C-g>' .. key
    require('quicksilver.keymaps').set()
    ask('x = ')
    type_keys('<C-g>' .. key)
    equal(key, vim.api.nvim_get_current_line(), 'x = ' .. written)
    equal('errors', vim.v.errmsg, '')
  end
  keys.accept = accept
  require('quicksilver.keymaps').set()
  vim.keymap.del('i', 'jk')
end)

it('an accepted suggestion is one undo step, and part of what . and a count repeat', function()
  local request = ask('x = ')
  request.answer(item('foo(b)\n+ c'))
  pause(20)
  type_keys('<Tab>;<Esc>')
  equal('accepted', vim.api.nvim_buf_get_lines(0, 0, -1, false), { 'x = foo(b)', '+ c;' })
  type_keys('Go<Esc>.')
  type_keys('u')
  type_keys('gg')
  vim.cmd('%delete')
  request = ask('y')
  request.answer(item('es'))
  pause(20)
  type_keys('<Tab>!<Esc>')
  type_keys('.')
  equal('repeated', vim.api.nvim_get_current_line(), 'yesyes!!')
  type_keys('u')
  equal('undone', vim.api.nvim_get_current_line(), 'yes!')
  type_keys('2.')
  equal('repeated twice', vim.api.nvim_get_current_line(), 'yesyes!yes!!')
end)

it('every way out of insert mode takes it away', function()
  for _, keys in ipairs({ '<Esc>', '<C-c>', '<C-o>', '<C-o>:', '<C-o>v' }) do
    local request = ask('x = ')
    request.answer(item('foo'))
    pause(20)
    equal('before ' .. keys, select(2, first_line()), 'foo')
    type_keys(keys)
    equal('after ' .. keys, ghost.inspect(0), nil)
    type_keys('<Esc><Esc>')
  end
end)

it(':Quicksilver trigger asks from within insert mode, by <C-o> too, and says so elsewhere', function()
  local config = require('quicksilver.config').current
  ask('x = ')
  config.automatic = false
  for _, keys in ipairs({ '<Cmd>Quicksilver trigger<CR>', '<C-o>:Quicksilver trigger<CR>' }) do
    requests = {}
    type_keys('y')
    equal('unasked', #requests, 0)
    vim.api.nvim_feedkeys(vim.keycode(keys), 't', false)
    wait_for('a request', function()
      return requests[1]
    end).answer(item('es'))
    pause(20)
    equal(keys, select(2, first_line()), 'es')
  end
  config.automatic = true
  local told, notify_user = nil, vim.notify
  vim.notify = function(message)
    told = message
  end
  type_keys('<Esc>:Quicksilver trigger<CR>')
  vim.notify = notify_user
  equal('elsewhere', told, 'quicksilver: it asks in insert mode')
end)

it('no ghost text while a macro is recorded, so that its keys do the same when it is played', function()
  ask('x = ')
  type_keys('<Esc>qqa')
  requests = {}
  type_keys('y')
  require('quicksilver').trigger()
  pause(40)
  equal('asked', #requests, 0)
  equal('reason', status.reason(), 'a macro is being recorded')
  type_keys('<Tab><Esc>q')
  equal('reason', status.reason(), nil)
  local recorded = vim.api.nvim_get_current_line()
  type_keys('@q')
  equal('played', vim.api.nvim_get_current_line(), recorded .. recorded:sub(#'x = ' + 1))
end)

it('behind a bracket whose partner is highlighted, ghost text keeps its own looks', function()
  vim.cmd('runtime plugin/matchparen.vim')
  local request = ask('f(<CR>)<Up><End>')
  local function looks(line)
    request.answer(item('abc'))
    pause(60)
    vim.cmd.redraw()
    equal('drawn', vim.fn.screenstring(1, #line + 1), 'a')
    return vim.fn.screenattr(1, #line + 1)
  end
  local behind_bracket = looks('f(')
  request = ask('f')
  equal('looks', behind_bracket, looks('f'))
end)

it(':Quicksilver toggle turns off and on, here or everywhere; what it does not know it does not do', function()
  local function told(arguments)
    return vim.api.nvim_exec2('Quicksilver ' .. arguments, { output = true }).output
  end
  ask('x = ')
  equal('off', told('toggle'), 'quicksilver: off')
  wait_for('its end', function()
    return status.get().client == 'stopped'
  end)
  equal('on', told('toggle'), 'quicksilver: on')
  wait_for('the server', function()
    return require('quicksilver.client').of(0)
  end)
  equal('off here', told('toggle buffer'), 'quicksilver: off in this buffer')
  equal('reason', status.reason(), 'disabled in this buffer')
  local notified, notify_user = {}, vim.notify
  vim.notify = function(message)
    notified[#notified + 1] = message
  end
  told('toggle bufer')
  told('why not')
  vim.notify = notify_user
  equal('what is wrong', notified, { 'quicksilver: "toggle" takes buffer, or nothing', 'quicksilver: too much after "why"' })
  equal('as it was', status.reason(), 'disabled in this buffer')
  equal('on here', told('toggle buffer'), 'quicksilver: on in this buffer')
end)

it('a server that keeps dying is given up, with one message', function()
  local told, notify_user = {}, vim.notify
  vim.notify = function(message, level)
    if level == vim.log.levels.ERROR then
      told[#told + 1] = message
    end
  end
  ask('x = ')
  local client, restart = require('quicksilver.client'), require('quicksilver.restart')
  local next_wait = restart.next_wait
  restart.next_wait = function(times, now)
    local wait, recent = next_wait(times, now)
    return wait and 1, recent
  end
  for death = 1, 6 do
    local running = wait_for('start ' .. death, function()
      return client.of(0)
    end)
    running.rpc.terminate()
    wait_for('its end', function()
      return not vim.lsp.get_client_by_id(running.id)
    end)
  end
  wait_for('the plugin to give up', function()
    return status.get().client == 'failed'
  end)
  restart.next_wait, vim.notify = next_wait, notify_user
  equal('messages', #told, 1)
  equal('reason', status.reason():match('^the server died 6 times'), 'the server died 6 times')
  require('quicksilver').restart()
  wait_for('the restart', function()
    return client.of(0)
  end)
end)

it('what was typed while no server ran is asked about as soon as one does', function()
  ask('x = ')
  local client = require('quicksilver.client')
  local before = client.of(0)
  before.rpc.terminate()
  requests = {}
  type_keys('y')
  equal('state', status.get().client, 'restarting')
  wait_for('a request', function()
    return requests[1]
  end).answer(item('es'))
  pause(20)
  equal('of another server', client.of(0).id ~= before.id, true)
  equal('text', select(2, first_line()), 'es')
end)
