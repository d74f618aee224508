--- Several places filled together and lines written anew: what is shown, taken, cycled and undone. First with a server
--- within Neovim that says what the test tells it to say; then, where $PROJECT is a project, with the real one.

local preview = require('quicksilver.preview')
local status = require('quicksilver.status')

local PROJECT = vim.env.PROJECT
-- What Neovim says of undone lines would stand among the results.
vim.o.showmode = false

---@type fun(method: string, params: table)
local notify
---@type { method: string, params: table, answer: fun(result: any) }[] not yet answered
local requests = {}
---@type string[]
local told = {}
local cancelled = {} ---@type integer[] ids

---@diagnostic disable-next-line: duplicate-set-field
vim.notify = function(message)
  told[#told + 1] = message
end

local function scripted(dispatchers)
  local closing, id = false, 0
  notify = dispatchers.notification
  return {
    request = function(method, params, callback)
      id = id + 1
      if method == 'initialize' then
        callback(nil, { capabilities = { textDocumentSync = 1 }, serverInfo = { name = 's', version = '1' } })
      elseif vim.startswith(method, 'quicksilver/') then
        requests[#requests + 1] = {
          method = method,
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
if not PROJECT then
  ---@diagnostic disable-next-line: duplicate-set-field
  vim.lsp.start = function(config, opts)
    config.cmd = scripted
    return start(config, opts)
  end
  require('quicksilver').setup({ binary = vim.v.progpath })
  vim.g.loaded_quicksilver = nil
  vim.cmd.runtime('plugin/quicksilver.lua')
end

---@return string
local function buffer()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
end

--- Opens a new file with these lines, and waits for the server.
---@param lines string[]
---@param path? string
local function open(lines, path)
  vim.cmd.stopinsert()
  pause(20)
  vim.cmd('silent! %bwipeout!')
  requests, told, cancelled = {}, {}, {}
  path = path or vim.fn.tempname() .. '.rs'
  vim.fn.writefile(lines, path)
  vim.cmd.edit(path)
  vim.bo.filetype = 'rust'
  wait_for('the server', function()
    return status.get().client == 'running' and require('quicksilver.client').of(0)
  end)
end

---@param method string
local function asked(method)
  local request = wait_for('a request', function()
    return table.remove(requests)
  end)
  equal('method', request.method, method)
  return request
end

local function range(line, from, to)
  return { start = { line = line, character = from }, ['end'] = { line = line, character = to } }
end

local FILE = { 'fn a() {', '    todo!()', '}', 'fn b() {', '    todo!()', '}' }

--- Fills the placeholders of all lines, and gives this answer.
local function fill()
  open(FILE)
  vim.cmd('%Quicksilver fill')
  local request = asked('quicksilver/fill')
  request.answer({
    version = 1,
    holes = {
      { hole = 0, range = range(1, 4, 11), newText = 'one();', confidence = 0.9 },
      { hole = 1, range = range(4, 4, 11), newText = 'if x {\n        two();\n    }', confidence = 0.5 },
    },
  })
  pause(20)
  return request
end

if not PROJECT then
  it('the lines of a range are asked for, and all texts show before any is taken', function()
    local request = fill()
    equal('within', request.params.within, { start = { line = 0, character = 0 }, ['end'] = { line = 5, character = 0 } })
    equal('shown', preview.inspect(0), { 'one();', 'if x {\n        two();\n    }' })
    equal('text', buffer(), table.concat(FILE, '\n'))
  end)

  it('one is taken, then the next, each an undo step', function()
    fill()
    vim.api.nvim_win_set_cursor(0, { 1, 0 })
    type_keys('<Tab>')
    equal('first', buffer(), 'fn a() {\n    one();\n}\nfn b() {\n    todo!()\n}')
    equal('shown', #preview.inspect(0), 1)
    equal('cursor', vim.api.nvim_win_get_cursor(0)[1], 5)
    type_keys('<Tab>')
    equal('second', buffer(), 'fn a() {\n    one();\n}\nfn b() {\n    if x {\n        two();\n    }\n}')
    equal('none left', preview.inspect(0), {})
    equal('Tab is free again', vim.fn.maparg('<Tab>', 'n'), '')
    vim.cmd('silent undo')
    vim.cmd('silent undo')
    equal('undone', buffer(), table.concat(FILE, '\n'))
  end)

  it('all are taken as one undo step', function()
    fill()
    type_keys('<CR>')
    equal('all', buffer(), 'fn a() {\n    one();\n}\nfn b() {\n    if x {\n        two();\n    }\n}')
    vim.cmd('silent undo')
    equal('undone', buffer(), table.concat(FILE, '\n'))
  end)

  it('they are dismissed by key, and by any other change of the text', function()
    fill()
    type_keys('<Esc>')
    equal('by key', preview.inspect(0), {})
    fill()
    type_keys('Ox<Esc>')
    wait_for('no preview', function()
      return #preview.inspect(0) == 0
    end)
  end)

  it('frames show each place as it is refined, and cannot be taken', function()
    open(FILE)
    vim.cmd('%Quicksilver fill')
    local request = asked('quicksilver/fill')
    notify('quicksilver/fillFrame', {
      token = request.params.frameToken,
      uri = request.params.textDocument.uri,
      version = 0,
      seq = 0,
      step = 1,
      holes = {
        { range = range(1, 4, 11), runs = { { text = 'one', kind = 'committed', confidence = 1 }, { text = '()', kind = 'masked', confidence = 0 } } },
        { range = range(4, 4, 11), runs = {} },
      },
    })
    pause(20)
    equal('shown', preview.inspect(0), { 'one░░', '' })
    type_keys('<CR>')
    equal('text', buffer(), table.concat(FILE, '\n'))
    type_keys('<Esc>')
    equal('cancelled', #cancelled, 1)
  end)

  it('marked places are carets, and a mark is taken away again', function()
    open({ 'let é = ;', 'let b = ;' })
    vim.api.nvim_win_set_cursor(0, { 1, 9 })
    type_keys('<M-m>')
    vim.api.nvim_win_set_cursor(0, { 2, 8 })
    type_keys('<M-m>')
    type_keys('<M-m>')
    type_keys('<M-f>')
    equal('holes', asked('quicksilver/fill').params.holes, { range(0, 9, 9) })
  end)

  it('a rewriting shows its texts one after the other, and u brings back the original', function()
    open({ 'a();', 'b();', 'c();' })
    vim.api.nvim_win_set_cursor(0, { 2, 0 })
    type_keys('V<M-r>')
    local request = asked('quicksilver/rewrite')
    equal('range', request.params.range, range(1, 0, 4))
    request.answer({ version = 1, range = range(1, 0, 4), texts = { 'x();', 'y();' }, margin = 1.5 })
    pause(20)
    equal('best', preview.inspect(0), { 'x();' })
    type_keys('<M-]>')
    equal('another', preview.inspect(0), { 'y();' })
    type_keys('<Tab>')
    equal('taken', buffer(), 'a();\ny();\nc();')
    vim.cmd('silent undo')
    equal('undone', buffer(), 'a();\nb();\nc();')
  end)

  it('silence is told with its reason', function()
    open(FILE)
    vim.cmd('2Quicksilver rewrite')
    asked('quicksilver/rewrite').answer({ version = 1, texts = {}, silence = { reason = 'nothing-better', message = 'nothing better' } })
    pause(20)
    equal('told', told, { 'quicksilver: nothing better' })
  end)
else
  it('the real server fills two places so that they agree', function()
    local known = { '    let guard = self.state.lock();', '    guard.push(1);', '}' }
    local lines = {}
    for _, name in ipairs({ 'a', 'b' }) do
      vim.list_extend(lines, { ('fn %s(&self) {'):format(name) })
      vim.list_extend(lines, known)
    end
    for _, name in ipairs({ 'c', 'd' }) do
      vim.list_extend(lines, { ('fn %s(&self) {'):format(name), '    todo!()', known[2], known[3] })
    end
    open(lines, vim.fs.joinpath(PROJECT, 'fill.rs'))
    wait_for('both places', function()
      if #preview.inspect(0) < 2 then
        vim.cmd('%Quicksilver fill')
        pause(300)
      end
      return #preview.inspect(0) == 2 and preview.inspect(0)[1] ~= ''
    end)
    equal('shown', preview.inspect(0), { vim.trim(known[1]), vim.trim(known[1]) })
    -- A frame may show the same as the answer, but only the answer can be taken.
    wait_for('all to be taken', function()
      type_keys('<CR>')
      return select(2, buffer():gsub('let guard = self%.state%.lock%(%);', '')) == 4
    end)
  end)
end

if not PROJECT then
  it('a doubt shows its text, unless the configuration shows diagnostics in a way of its own', function()
    open(FILE)
    local namespace = vim.lsp.diagnostic.get_namespace(require('quicksilver.client').of(0).id)
    vim.diagnostic.config({ virtual_lines = true })
    require('quicksilver.fill').doubts()
    equal('with lines of their own', vim.diagnostic.config(nil, namespace).virtual_text == true, false)
    vim.diagnostic.config({ virtual_lines = false })
    require('quicksilver.fill').doubts()
    equal('with none', vim.diagnostic.config(nil, namespace).virtual_text, true)
  end)

  it('no engine at all is told once, for those without a status line', function()
    open(FILE)
    local said = { kind = 'Error', message = 'no engine: there is no such model', busy = false }
    for _ = 1, 2 do
      notify('quicksilver/status', said)
      pause(50)
    end
    equal('told', told, { 'quicksilver: no engine: there is no such model' })
    notify('quicksilver/status', { kind = 'Normal', message = '', busy = false })
  end)
end
