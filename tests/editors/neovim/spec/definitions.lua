--- What the plugin asks another language server, and what it tells ours of the answers. Both are servers within
--- Neovim, which say what the test tells them to say.

local config = require('quicksilver.config')
local definitions = require('quicksilver.definitions')
local protocol = require('quicksilver.protocol')
local status = require('quicksilver.status')

---@type table[] what ours was told
local told = {}
---@type { id: integer, params: table, answer: fun(result: any) }[] what the other was asked
local asked = {}
---@type integer[] what was taken back
local cancelled = {}
--- Answers at once, if it is set.
---@type (fun(params: table): any)?
local answer_now

---@param capabilities table
---@param on_request fun(id: integer, method: string, params: table, callback: fun(err: any, result: any))
---@param on_notify fun(method: string, params: table)
local function scripted(capabilities, on_request, on_notify)
  return function(dispatchers)
    local closing, id = false, 0
    return {
      request = function(method, params, callback)
        id = id + 1
        if method == 'initialize' then
          callback(nil, { capabilities = capabilities, serverInfo = { name = 's', version = '1' } })
        else
          on_request(id, method, params, callback)
        end
        return true, id
      end,
      notify = function(method, params)
        on_notify(method, params)
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
end

local start = vim.lsp.start
local ours = scripted({ inlineCompletionProvider = true, textDocumentSync = 1 }, function(_, _, _, callback)
  callback(nil, vim.NIL)
end, function(method, params)
  if method == protocol.DEFINITIONS then
    told[#told + 1] = params
  end
end)
local other = scripted({ definitionProvider = true, textDocumentSync = 1, positionEncoding = 'utf-16' }, function(id, method, params, callback)
  if method ~= 'textDocument/definition' then
    return callback(nil, vim.NIL)
  end
  local answer = function(result)
    callback(nil, result)
  end
  asked[#asked + 1] = { id = id, params = params, answer = answer }
  if answer_now then
    answer(answer_now(params))
  end
end, function(method, params)
  if method == '$/cancelRequest' then
    cancelled[#cancelled + 1] = params.id
  end
end)
---@diagnostic disable-next-line: duplicate-set-field
vim.lsp.start = function(given, opts)
  given.cmd = ours
  return start(given, opts)
end
require('quicksilver').setup({ binary = vim.v.progpath, automatic = false })

local RANGE = { start = { line = 7, character = 3 }, ['end'] = { line = 7, character = 9 } }
local files = 0

--- Opens a new file with these lines, and begins to insert at the end of the last.
---@param lines string[]
local function open(lines)
  vim.cmd.stopinsert()
  pause(20)
  vim.cmd('silent! %bwipeout!')
  files = files + 1
  local path = ('%s-%d.lua'):format(vim.fn.tempname(), files)
  vim.fn.writefile(lines, path)
  vim.cmd.edit(path)
  vim.bo.filetype = 'lua'
  start({ name = 'other', cmd = other })
  wait_for('both servers', function()
    return status.get().client == 'running' and #vim.lsp.get_clients({ bufnr = 0 }) == 2
  end)
  told, asked, cancelled, answer_now = {}, {}, {}, nil
  type_keys('GA')
end

--- Waits until the other server was asked `count` times.
local function questions(count)
  return wait_for(count .. ' questions', function()
    return #asked >= count and asked
  end)
end

it('names near the cursor are asked for, the nearest first, and what is answered is told', function()
  open({ 'local above = first(x)', 'local größe = compute(shape)' })
  answer_now = function(params)
    local name = params.position
    if name.line == 1 and name.character == 14 then
      return { { uri = 'file:///p/compute.lua', range = RANGE } }
    elseif name.line == 1 and name.character == 22 then
      return { { targetUri = 'file:///p/shape.lua', targetRange = RANGE, targetSelectionRange = RANGE } }
    elseif name.line == 0 then
      return { uri = vim.uri_from_bufnr(0), range = RANGE }
    end
    return vim.NIL
  end
  wait_for('the notification', function()
    return #told == 1
  end)
  equal('names', told[1].names, {
    { name = 'shape', locations = { { uri = 'file:///p/shape.lua', range = RANGE } } },
    { name = 'compute', locations = { { uri = 'file:///p/compute.lua', range = RANGE } } },
  })
  equal('document', told[1].textDocument, { uri = vim.uri_from_bufnr(0), version = vim.lsp.util.buf_versions[vim.api.nvim_get_current_buf()] })
  local before = #asked
  type_keys('<Left>')
  pause(definitions.REST_MS + 100)
  equal('questions again for the same text', #asked - before, 0)
  equal('told again', #told, 1)
end)

it('a move takes the questions back, and what is answered late is not told', function()
  open({ 'compute(shape' })
  local first = vim.list_slice(questions(2))
  type_keys('s')
  equal('taken back', #cancelled, 2)
  first[1].answer({ { uri = 'file:///p/a.lua', range = RANGE } })
  first[2].answer({ { uri = 'file:///p/b.lua', range = RANGE } })
  pause(30)
  equal('told', told, {})
end)

it('a server that does not answer in time is not waited for', function()
  open({ 'compute(shape' })
  questions(2)[2].answer({ { uri = 'file:///p/b.lua', range = RANGE } })
  wait_for('the notification', function()
    return #told == 1
  end)
  equal('names', #told[1].names, 1)
  equal('taken back', #cancelled, 1)
end)

it('at most so many names are asked for, and nonsense is no location', function()
  open({ 'aaa bbb ccc ddd eee fff ggg hhh iii jjj kkk x yy 123 0x12f' })
  answer_now = function()
    return { 3, { uri = 5, range = RANGE }, { uri = 'file:///a', range = { start = 1 } } }
  end
  pause(definitions.REST_MS + definitions.LIMIT_MS + 100)
  equal('questions', #asked, definitions.MOST_NAMES)
  -- That nothing is known here takes the place of what was told before.
  equal('names told', vim.iter(told):map(function(it)
    return #it.names
  end):totable(), { 0 })
end)

it('switched off, nobody is asked', function()
  config.current.definitions = false
  open({ 'compute(shape' })
  pause(definitions.REST_MS + 100)
  equal('questions', #asked, 0)
  config.current.definitions = true
end)
