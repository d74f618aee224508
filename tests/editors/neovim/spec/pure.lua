--- The parts of the plugin that need neither a server nor a screen.

local client = require('quicksilver.client')
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
    waits[death] = client.next_wait(times, death * 1000) or 'never'
  end
  equal('waits', waits, { 250, 500, 1000, 2000, 4000, 'never' })
  equal('long ago counts no more', (client.next_wait(times, 1e6)), 250)
end)

it('a wrong setting keeps its default and is told about', function()
  local merged, problems = config.merge({ debounce = -1, frame = true, keys = { accept = '<C-y>', jump = 'x' } })
  equal('debounce', merged.debounce, config.defaults.debounce)
  equal('accept', merged.keys.accept, '<C-y>')
  equal('word', merged.keys.accept_word, config.defaults.keys.accept_word)
  equal('problems', problems, {
    '"debounce" must be a number of ms from 0 to 5000',
    'there is no key "keys.jump"',
    'there is no setting "frame"',
  })
end)
