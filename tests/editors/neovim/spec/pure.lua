--- The parts of the plugin that need neither a server nor a screen.

local restart = require('quicksilver.restart')
local config = require('quicksilver.config')
local protocol = require('quicksilver.protocol')
local suggestion = require('quicksilver.suggestion')

---@param line string with `|` where the cursor stands
local function place(line, row)
  local col = line:find('|', 1, true) - 1
  return { row = row or 0, col = col, line = (line:gsub('|', '', 1)) }
end

local function range(first, last, row)
  return { start = { line = row or 0, character = first }, ['end'] = { line = row or 0, character = last } }
end

local function made(line, text, replaces)
  return suggestion.from_item({ insertText = text, range = replaces }, place(line), 'utf-16')
end

it('an item at the cursor is inserted as it is', function()
  local found = made('x = |', 'one()\ntwo()', range(4, 4))
  equal('text', found.text, 'one()\ntwo()')
  equal('eat', found.eat, 0)
end)

it('an item that repeats the rest of the line leaves the rest alone', function()
  local found = made('f(|)', 'a, b)', range(2, 3))
  equal('text', found.text, 'a, b')
  equal('eat', found.eat, 0)
end)

it('an item that starts before the cursor loses what stands there already', function()
  equal('text', made('    ret|', '    return 1', range(0, 7)).text, 'urn 1')
end)

it('an item that would change text before the cursor is no suggestion', function()
  equal('suggestion', made('abc|', 'xyz', range(0, 3)), nil)
end)

it('an item of several lines replaces the rest of its line', function()
  local found = made('f(|)', 'a,\n  b)', range(2, 3))
  equal('text', found.text, 'a,\n  b)')
  equal('eat', found.eat, 1)
end)

it('columns count as the server counts them', function()
  -- The emoji is two units in UTF-16, four bytes in UTF-8.
  local found = made('s = "🙂|"', 'ok"', range(7, 8))
  equal('text', found.text, 'ok')
  equal('eat', found.eat, 0)
end)

it('carriage returns are not shown', function()
  equal('text', made('|', 'a\r\nb', nil).text, 'a\nb')
end)

it('typing along shortens the suggestion', function()
  local found = made('x = |', 'foo(1)\nbar', nil)
  equal('rest', suggestion.rest(found, { 'x = fo' }, '').text, 'o(1)\nbar')
  equal('over the line end', suggestion.rest(found, { 'x = foo(1)', 'b' }, '').text, 'ar')
end)

it('typing something else, or all of it, ends the suggestion', function()
  local found = made('x = |', 'foo', nil)
  equal('else', suggestion.rest(found, { 'x = g' }, ''), nil)
  equal('all', suggestion.rest(found, { 'x = foo' }, ''), nil)
  equal('before it', suggestion.rest(found, { 'x =' }, ''), nil)
end)

it('a pair that the editor closed is not doubled', function()
  local found = made('x = |', 'foo(1)', nil)
  local rest = suggestion.rest(found, { 'x = foo(' }, ')')
  equal('rest', rest.text, '1')
  equal('eat', rest.eat, 0)
end)

it('a frame can not be accepted, and its masks are drawn as glyphs', function()
  local frame = { runs = { { text = 'ab', kind = 'committed', confidence = 1 }, { text = '', kind = 'masked', confidence = 0 } } }
  local found = suggestion.from_frame(frame, place('|'), '░')
  equal('final', found.final, false)
  equal('text', found.text, 'ab░░░')
  frame.runs[2].text = 'é x\ny'
  equal('a guess', suggestion.from_frame(frame, place('|'), '░').text, 'ab░ ░\n░')
end)

it('words and lines', function()
  equal('word', suggestion.next_word('foo.bar()'), 'foo')
  equal('marks', suggestion.next_word('.bar'), '.')
  equal('blanks go with the word', suggestion.next_word('  x + 1'), '  x')
  equal('not ASCII', suggestion.next_word('größe = 1'), 'größe')
  equal('over the line end', suggestion.next_word('\n    if x'), '\n    if')
  equal('line', suggestion.next_line('a b\nc'), 'a b')
  equal('line after a line end', suggestion.next_line('\n  a\nb'), '\n  a')
end)

it('runs are cut into lines, and the typed part left out', function()
  local lines = suggestion.lines({
    { text = 'ab', kind = 'committed', confidence = 1 },
    { text = 'c\nd', kind = 'changed', confidence = 0.5 },
  }, 1)
  equal('lines', #lines, 2)
  equal('first', { lines[1][1].text, lines[1][2].text }, { 'b', 'c' })
  equal('second', { lines[2][1].text, lines[2][1].kind }, { 'd', 'changed' })
end)

it('a frame of the wrong shape is dropped', function()
  local good = { uri = 'file:///a', version = 1, seq = 0, position = { line = 0, character = 0 }, runs = {} }
  equal('good', protocol.frame(good) ~= nil, true)
  for field in pairs(good) do
    equal('without ' .. field, protocol.frame(vim.tbl_extend('force', good, { [field] = vim.NIL })), nil)
  end
  local bad_run = vim.tbl_extend('force', good, { runs = { { text = 'a', kind = 'gone', confidence = 0 } } })
  equal('run of no known kind', protocol.frame(bad_run), nil)
end)

it('answers of all shapes are read', function()
  local item = { insertText = 'a' }
  equal('list', #protocol.items({ item }), 1)
  equal('items', #protocol.items({ items = { item } }), 1)
  equal('null', protocol.items(vim.NIL), {})
  equal('snippets and empty text are left out', protocol.items({ { insertText = { kind = 'snippet' } }, { insertText = '' } }), {})
end)

it('restarts wait longer each time, and end after five in three minutes', function()
  local waits, times = {}, {}
  for death = 1, 6 do
    times[death] = death * 1000
    waits[death] = restart.next_wait(times, death * 1000) or 'never'
  end
  equal('waits', waits, { 250, 500, 1000, 2000, 4000, 'never' })
  equal('long ago counts no more', (restart.next_wait(times, 1e6)), 250)
end)

it('a wrong setting keeps its default and is told about', function()
  local merged, problems = config.merge({
    debounceMs = -1, frame = true, refinement = 'some', maskGlyph = 'mm', exclude = { '' }, deadlineMs = 10.5, enable = 1,
    keys = { accept = '<C-y>', jump = 'x', next = 3 }, maxFps = 120,
  })
  equal('debounceMs', merged.debounceMs, config.defaults.debounceMs)
  equal('maxFps', merged.maxFps, 120)
  equal('accept', merged.keys.accept, '<C-y>')
  equal('word', merged.keys.acceptWord, config.defaults.keys.acceptWord)
  equal('problems', problems, {
    '"deadlineMs" takes 10 to 10000',
    '"debounceMs" takes `auto` or 0 to 5000',
    '"enable" takes true or false',
    '"exclude" takes a list of globs',
    '"keys.next" takes a key, or false for none',
    '"maskGlyph" takes one character',
    '"refinement" takes `off`, `first` or `full`',
    'there is no key "keys.jump"',
    'there is no setting "frame"',
  })
end)

it('the server gets its own settings, where they are not the defaults', function()
  equal('none', vim.json.encode(config.server_settings()), '{}')
  config.set({ showUnsure = true, deadlineMs = 2000, automatic = false })
  equal('one', config.server_settings(), { showUnsure = true })
  config.set()
end)

it('subcommands are completed, and what some of them take', function()
  local commands = require('quicksilver.commands')
  equal('all', commands.complete('', 'Quicksilver '), commands.names())
  equal('some', commands.complete('res', 'Quicksilver res'), { 'restart' })
  equal('toggle', commands.complete('', 'Quicksilver toggle '), { 'buffer' })
  equal('no more', commands.complete('', 'Quicksilver toggle buffer '), {})
  equal('nothing', commands.complete('', 'Quicksilver status '), {})
end)

--- The help file's text.
local function help()
  return table.concat(vim.fn.readfile(vim.env.PLUGIN .. '/doc/quicksilver.txt'), '\n')
end

it('the help has each command, setting, key, function, colour and event', function()
  local text, missing = help(), {}
  local function wanted(what)
    if not text:find(what, 1, true) then
      missing[#missing + 1] = what
    end
  end
  for name, command in pairs(require('quicksilver.commands').all) do
    wanted('\n:Quicksilver ' .. name)
    wanted(command.doc)
  end
  for _, setting in ipairs(require('quicksilver.settings')) do
    wanted('*quicksilver.' .. setting.name .. '*')
  end
  for action, key in pairs(config.defaults.keys) do
    wanted(('\n  %s%s%s '):format(action, (' '):rep(14 - #action), key))
  end
  for name in pairs(require('quicksilver')) do
    wanted('\n' .. name .. '(')
  end
  for _, group in ipairs({ 'QuicksilverCommitted', 'QuicksilverChanged', 'QuicksilverMasked' }) do
    wanted('*hl-' .. group .. '*')
  end
  wanted('User QuicksilverStatus')
  equal('not in the help', missing, {})
end)

it('the rock has each module, and lazy.nvim finds no spec beside it', function()
  local rock = {}
  loadfile(vim.env.PLUGIN .. '/quicksilver-scm-1.rockspec', 't', rock)()
  local files = vim.fn.sort(vim.tbl_values(rock.build.modules))
  local there = vim.tbl_map(function(path)
    return path:sub(#vim.env.PLUGIN + 2)
  end, vim.fn.globpath(vim.env.PLUGIN, 'lua/**/*.lua', true, true))
  equal('files', files, vim.fn.sort(there))
  for name, file in pairs(rock.build.modules) do
    local expected = file:match('^lua/(.*)%.lua$'):gsub('/init$', ''):gsub('/', '.')
    equal('module', name, expected)
  end
  -- lazy.nvim takes that file for specs of other plugins, which need a name: ours it refused at every start but the first.
  equal('lazy.nvim', vim.uv.fs_stat(vim.env.PLUGIN .. '/lazy.lua'), nil)
end)

it('the help has no line that is too long, and its tags are good', function()
  for _, line in ipairs(vim.fn.readfile(vim.env.PLUGIN .. '/doc/quicksilver.txt')) do
    equal('width of ' .. line, vim.fn.strdisplaywidth(line) <= 100, true)
  end
  local copy = vim.fn.tempname()
  vim.fn.mkdir(copy .. '/doc', 'p')
  vim.uv.fs_copyfile(vim.env.PLUGIN .. '/doc/quicksilver.txt', copy .. '/doc/quicksilver.txt')
  vim.cmd.helptags(copy .. '/doc')
end)
