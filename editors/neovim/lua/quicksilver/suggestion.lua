--- What a suggestion means at a place in a text: what is left of it after some typing, what a word or a line
--- of it is. Pure functions of strings (columns are bytes, rows and columns count from 0); must not know
--- buffers, windows or the server.

local M = {}

---@class quicksilver.Place
---@field row integer
---@field col integer
---@field line string the whole line

---@class quicksilver.Suggestion
---@field row integer where the cursor stood when it was asked for
---@field col integer
---@field before string the line up to there
---@field after string the line from there on
---@field text string what to insert there; line feeds only
---@field eat integer bytes of `after` that the text replaces
---@field runs quicksilver.Run[] the text with the state of each part
---@field final boolean only then may it be accepted

--- What still is to be inserted at the cursor.
---@class quicksilver.Rest
---@field text string
---@field eat integer bytes after the cursor that the text replaces
---@field after string the line after the cursor
---@field typed integer bytes of the suggestion that the user has typed already

--- Bytes from `start` that both strings have in common.
---@param a string
---@param b string
---@return boolean
local function ends_with(a, b)
  return b == '' or a:sub(-#b) == b
end

--- Places `text`, which replaces `range` of the line, at the cursor: nil when it would change something before it.
---@param text string
---@param range lsp.Range?
---@param place quicksilver.Place
---@param encoding string position encoding of `range`
---@return string? text
---@return integer? eat
function M.fit(text, range, place, encoding)
  text = text:gsub('\r\n?', '\n')
  if not range then
    return text, 0
  end
  if range.start.line ~= place.row or range['end'].line ~= place.row then
    return nil
  end
  local from = vim.str_byteindex(place.line, encoding, range.start.character, false)
  local to = vim.str_byteindex(place.line, encoding, range['end'].character, false)
  if from > place.col or to < place.col then
    return nil
  end
  local head = place.line:sub(from + 1, place.col)
  if not vim.startswith(text, head) then
    return nil
  end
  text = text:sub(#head + 1)
  local eaten = place.line:sub(place.col + 1, to)
  -- On one line, what the text repeats at its end stays where it is.
  if not text:find('\n', 1, true) and ends_with(text, eaten) then
    return text:sub(1, #text - #eaten), 0
  end
  return text, #eaten
end

--- The suggestion that an item of an answer makes at the place it was asked for.
---@param item lsp.InlineCompletionItem
---@param place quicksilver.Place
---@param encoding string
---@return quicksilver.Suggestion?
function M.from_item(item, place, encoding)
  local text, eat = M.fit(item.insertText --[[@as string]], item.range, place, encoding)
  if not text or text == '' then
    return nil
  end
  return {
    row = place.row,
    col = place.col,
    before = place.line:sub(1, place.col),
    after = place.line:sub(place.col + 1),
    text = text,
    eat = eat,
    runs = { { text = text, kind = 'committed', confidence = 1 } },
    final = true,
  }
end

--- Glyphs in place of a guess, which is not shown as if it were decided.
---@param guess string
---@param glyph string
---@return string
function M.veil(guess, glyph)
  if guess == '' then
    return glyph:rep(3)
  end
  return (guess:gsub('[%z\1-\127\194-\244][\128-\191]*', function(character)
    return character:match('%s') or glyph
  end))
end

--- The suggestion that a frame shows: never acceptable, and its masks are drawn as `glyph`.
---@param frame quicksilver.Frame
---@param place quicksilver.Place
---@param glyph string
---@return quicksilver.Suggestion
function M.from_frame(frame, place, glyph)
  local runs, text = {}, {}
  for _, run in ipairs(frame.runs) do
    local shown = run.text:gsub('\r\n?', '\n')
    if run.kind == 'masked' then
      shown = M.veil(shown, glyph)
    end
    runs[#runs + 1] = { text = shown, kind = run.kind, confidence = run.confidence }
    text[#text + 1] = shown
  end
  return {
    row = place.row,
    col = place.col,
    before = place.line:sub(1, place.col),
    after = place.line:sub(place.col + 1),
    text = table.concat(text),
    eat = 0,
    runs = runs,
    final = false,
  }
end

--- What is left of `suggestion` when the cursor stands at the end of `lines` (the buffer's lines from the
--- suggestion's row to the cursor's), `after` being the cursor's line from the cursor on. Nil: it fits no more.
---@param suggestion quicksilver.Suggestion
---@param lines string[] the last one cut at the cursor
---@param after string
---@return quicksilver.Rest?
function M.rest(suggestion, lines, after)
  local joined = table.concat(lines, '\n')
  if not vim.startswith(joined, suggestion.before) then
    return nil
  end
  local typed = joined:sub(#suggestion.before + 1)
  if not vim.startswith(suggestion.text, typed) or #typed == #suggestion.text then
    return nil
  end
  local text = suggestion.text:sub(#typed + 1)
  if after == suggestion.after then
    return { text = text, eat = suggestion.eat, after = after, typed = #typed }
  end
  -- The editor closed a pair while the user typed: the closers are what the suggestion ends with anyway.
  local closers = after:sub(1, #after - #suggestion.after)
  local fits = closers ~= '' and ends_with(after, suggestion.after) and suggestion.eat == 0
  if fits and not text:find('\n', 1, true) and #text > #closers and ends_with(text, closers) then
    return { text = text:sub(1, #text - #closers), eat = 0, after = after, typed = #typed }
  end
  return nil
end

--- The next word: blanks before it, and either word characters or a run of other marks.
---@param text string
---@return string
function M.next_word(text)
  local blank = text:match('^%s*')
  local word = text:match('^[%w_\128-\255]+', #blank + 1) or text:match('^[^%w_%s\128-\255]+', #blank + 1)
  return blank .. (word or '')
end

--- The text up to the end of its first line that has something in it.
---@param text string
---@return string
function M.next_line(text)
  return text:match('^\n*[^\n]+') or text
end

--- The runs without their first `typed` bytes, as lines of runs.
---@param runs quicksilver.Run[]
---@param typed integer
---@return quicksilver.Run[][]
function M.lines(runs, typed)
  local lines, skip = { {} }, typed
  for _, run in ipairs(runs) do
    local text = run.text:sub(skip + 1)
    skip = math.max(0, skip - #run.text)
    for i, part in ipairs(vim.split(text, '\n', { plain = true })) do
      if i > 1 then
        lines[#lines + 1] = {}
      end
      if part ~= '' then
        table.insert(lines[#lines], { text = part, kind = run.kind, confidence = run.confidence })
      end
    end
  end
  return lines
end

return M
