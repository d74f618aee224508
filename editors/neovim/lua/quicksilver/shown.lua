--- The one suggestion on show (there is one cursor): what is left of it here, its choices, accepting it or a part
--- of it. Must not know when to ask, or how ghost text is drawn.

local config = require('quicksilver.config')
local ghost = require('quicksilver.ghost')
local protocol = require('quicksilver.protocol')
local status = require('quicksilver.status')
local suggestion = require('quicksilver.suggestion')

local M = {}

local api = vim.api

---@class quicksilver.Shown
---@field bufnr integer
---@field client vim.lsp.Client
---@field choices { suggestion: quicksilver.Suggestion, item?: lsp.InlineCompletionItem }[]
---@field index integer

---@type quicksilver.Shown?
local shown

--- Where the cursor stands.
---@return quicksilver.Place
function M.cursor_place()
  local cursor = api.nvim_win_get_cursor(0)
  return { row = cursor[1] - 1, col = cursor[2], line = api.nvim_get_current_line() }
end

--- Whether the user types, rather than a macro, and will not have this typed again by one: what a key does must not
--- depend on what was shown when it was recorded.
---@return boolean
function M.inserting()
  local by_hand = vim.fn.reg_executing() == '' and vim.fn.reg_recording() == ''
  return by_hand and api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

--- Whether the popup menu leaves no place for ghost text.
---@return boolean
local function popup_in_the_way()
  if vim.fn.pumvisible() == 0 then
    return false
  end
  return config.current.popupMenu == 'hide' or vim.fn.complete_info({ 'selected' }).selected ~= -1
end

--- What is left of the shown suggestion at the cursor, or nil.
---@return quicksilver.Rest?
---@return quicksilver.Suggestion?
local function rest_here()
  if not shown or shown.bufnr ~= api.nvim_get_current_buf() then
    return nil
  end
  local current = shown.choices[shown.index].suggestion
  local place = M.cursor_place()
  if place.row < current.row then
    return nil
  end
  local lines = api.nvim_buf_get_lines(shown.bufnr, current.row, place.row + 1, false)
  lines[#lines] = place.line:sub(1, place.col)
  return suggestion.rest(current, lines, place.line:sub(place.col + 1)), current
end

--- Draws what is left of the suggestion, or takes it away; says whether anything is left.
---@return boolean
function M.refresh()
  local rest, current = rest_here()
  if not rest or not current then
    M.clear()
    return false
  end
  if popup_in_the_way() then
    ghost.clear()
  else
    local place = M.cursor_place()
    ghost.draw(shown.bufnr, place.row, place.col, suggestion.lines(current.runs, rest.typed), rest)
  end
  return true
end

--- Puts `next_shown` on show, in place of what was; says whether it fits what is at the cursor by now.
---@param next_shown quicksilver.Shown
---@return boolean
function M.set(next_shown)
  shown = next_shown
  return M.refresh()
end

--- Takes the suggestion away.
function M.clear()
  shown = nil
  ghost.clear()
end

--- Whether the server has said its last word on what is on show.
---@return boolean
function M.is_final()
  return shown ~= nil and shown.choices[shown.index].suggestion.final
end

--- Shows another of several suggestions.
---@param step integer
function M.cycle(step)
  if shown and #shown.choices > 1 then
    shown.index = (shown.index - 1 + step) % #shown.choices + 1
    M.refresh()
  end
end

--- Whether an accept would do something now: something is drawn, and it is no longer being refined.
---@return boolean
function M.can_accept()
  local rest, current = rest_here()
  return rest ~= nil and current ~= nil and current.final and ghost.is_drawn()
end

---@return boolean
function M.is_shown()
  return ghost.is_drawn()
end

--- Inserts the suggestion, or the first part of it.
---@param part 'all'|'word'|'line'
---@return boolean whether there was something to insert
function M.accept(part)
  local rest, current = rest_here()
  if not shown or not rest or not current or not current.final then
    return false
  end
  local text = rest.text
  if part == 'word' then
    text = suggestion.next_word(text)
  elseif part == 'line' then
    text = suggestion.next_line(text)
  end
  local whole = text == rest.text
  local choice, server, bufnr = shown.choices[shown.index], shown.client, shown.bufnr
  local place = M.cursor_place()
  if whole then
    M.clear()
  end
  if whole and rest.eat > 0 then
    api.nvim_buf_set_text(bufnr, place.row, place.col, place.row, place.col + rest.eat, {})
  end
  -- Unlike `nvim_buf_set_text()` this is an insertion that `.` and a count repeat.
  api.nvim_paste(text, false, -1)
  if whole then
    status.count('accepted')
    if choice.item and choice.item.command then
      server:exec_cmd(choice.item.command, { bufnr = bufnr }, function() end)
    end
    return true
  end
  M.refresh()
  local session = choice.item and protocol.session(choice.item)
  if session then
    local accepted = current.text:sub(1, rest.typed + #text)
    server:notify(protocol.DID_PARTIALLY_ACCEPT, {
      session = session,
      acceptedLength = vim.str_utfindex(accepted, 'utf-16'),
    })
  end
  return true
end

return M
