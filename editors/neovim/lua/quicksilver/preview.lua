--- Shows texts for several places of a buffer before any is taken: ghost text at each, and what it would replace
--- struck out. Takes one, or all in one undo step. Must not know the server.

local suggestion = require('quicksilver.suggestion')

local M = {}

local api = vim.api
local namespace = api.nvim_create_namespace('quicksilver.preview')
--- Highlight group of each state, and of text that would be replaced.
local GROUPS = { committed = 'QuicksilverCommitted', changed = 'QuicksilverChanged', masked = 'QuicksilverMasked' }
local REPLACED = 'QuicksilverReplaced'

---@class quicksilver.Offer
---@field range lsp.Range
---@field texts string[] the best first
---@field index integer which of them is shown
---@field runs? quicksilver.Run[] while it is being refined: the text with the state of each part
---@field mark? integer extmark over the range

---@class quicksilver.Preview
---@field bufnr integer
---@field tick integer of the buffer
---@field offers quicksilver.Offer[]
---@field final boolean only then may they be taken
---@field done fun() called when it ends

---@type quicksilver.Preview?
local current

--- Row and byte column of a position.
---@param bufnr integer
---@param position lsp.Position
---@param encoding string
---@return integer row
---@return integer col
local function place(bufnr, position, encoding)
  local line = api.nvim_buf_get_lines(bufnr, position.line, position.line + 1, false)[1] or ''
  return position.line, vim.str_byteindex(line, encoding, position.character, false)
end

--- Chunks of each line of what an offer shows.
---@param offer quicksilver.Offer
---@param glyph string stands for a masked position
---@return [string, string][][]
local function lines_of(offer, glyph)
  local lines = { {} }
  local runs = offer.runs or { { text = offer.texts[offer.index], kind = 'committed', confidence = 1 } }
  for _, run in ipairs(runs) do
    local text = run.text:gsub('\r\n?', '\n')
    if run.kind == 'masked' then
      text = suggestion.veil(text, glyph)
    end
    for number, piece in ipairs(vim.split(text, '\n', { plain = true })) do
      if number > 1 then
        lines[#lines + 1] = {}
      end
      if piece ~= '' then
        table.insert(lines[#lines], { piece, GROUPS[run.kind] or GROUPS.committed })
      end
    end
  end
  return lines
end

---@param offer quicksilver.Offer
---@param glyph string
local function draw(offer, glyph)
  local bufnr = assert(current).bufnr
  local row, col, details = unpack(api.nvim_buf_get_extmark_by_id(bufnr, namespace, offer.mark, { details = true }))
  local lines = lines_of(offer, glyph)
  local first = table.remove(lines, 1)
  local further = vim.tbl_map(function(chunks)
    -- A line of virtual text without any chunk is not drawn.
    return #chunks > 0 and chunks or { { ' ', GROUPS.committed } }
  end, lines)
  local to_row, to_col = details.end_row, details.end_col
  api.nvim_buf_set_extmark(bufnr, namespace, row, col, {
    id = offer.mark,
    end_row = to_row,
    end_col = to_col,
    hl_group = REPLACED,
    virt_text = first,
    virt_text_pos = 'inline',
    virt_lines = further,
    right_gravity = false,
    end_right_gravity = true,
    undo_restore = false,
    strict = false,
  })
end

--- Takes the preview away.
function M.dismiss()
  local ended = current
  current = nil
  if ended then
    if api.nvim_buf_is_valid(ended.bufnr) then
      api.nvim_buf_clear_namespace(ended.bufnr, namespace, 0, -1)
    end
    ended.done()
  end
end

--- Whether one is shown in `bufnr`, of the text as it is.
---@param bufnr integer
---@return quicksilver.Preview?
local function of(bufnr)
  if current and current.bufnr == bufnr and current.tick == api.nvim_buf_get_changedtick(bufnr) then
    return current
  end
end

--- Shows offers, in place of what is shown; the same places keep their marks.
---@param bufnr integer
---@param offers quicksilver.Offer[]
---@param options { encoding: string, glyph: string, final: boolean, done: fun() }
function M.show(bufnr, offers, options)
  if current then
    local silent = current
    silent.done = function() end
    M.dismiss()
  end
  local struck = vim.tbl_extend('force', api.nvim_get_hl(0, { name = 'DiffDelete', link = false }), { strikethrough = true, default = true })
  api.nvim_set_hl(0, REPLACED, struck --[[@as vim.api.keyset.highlight]])
  local tick = api.nvim_buf_get_changedtick(bufnr)
  current = { bufnr = bufnr, tick = tick, offers = offers, final = options.final, done = options.done }
  for _, offer in ipairs(offers) do
    local row, col = place(bufnr, offer.range.start, options.encoding)
    local to_row, to_col = place(bufnr, offer.range['end'], options.encoding)
    offer.mark = api.nvim_buf_set_extmark(bufnr, namespace, row, col, {
      end_row = to_row,
      end_col = to_col,
      right_gravity = false,
      end_right_gravity = true,
      strict = false,
    })
    draw(offer, options.glyph)
  end
end

--- Puts an offer's text into the buffer.
---@param offer quicksilver.Offer
---@return integer row
---@return integer col where the text ends
local function take(offer)
  local bufnr = assert(current).bufnr
  local row, col, details = unpack(api.nvim_buf_get_extmark_by_id(bufnr, namespace, offer.mark, { details = true }))
  api.nvim_buf_del_extmark(bufnr, namespace, offer.mark)
  local lines = vim.split(offer.texts[offer.index]:gsub('\r\n?', '\n'), '\n', { plain = true })
  api.nvim_buf_set_text(bufnr, row, col, details.end_row, details.end_col, lines)
  return row + #lines - 1, (#lines == 1 and col or 0) + #lines[#lines]
end

--- Takes the offer at the cursor, or the next after it; the cursor goes to the one after that.
---@return boolean whether there was one
function M.accept()
  local preview = of(api.nvim_get_current_buf())
  if not preview or not preview.final then
    return false
  end
  local cursor = api.nvim_win_get_cursor(0)
  local function index_after(row, col)
    for index, offer in ipairs(preview.offers) do
      local _, _, details = unpack(api.nvim_buf_get_extmark_by_id(preview.bufnr, namespace, offer.mark, { details = true }))
      if details and (details.end_row > row or (details.end_row == row and details.end_col >= col)) then
        return index
      end
    end
    return 1
  end
  local row, col = take(table.remove(preview.offers, index_after(cursor[1] - 1, cursor[2])))
  preview.tick = api.nvim_buf_get_changedtick(preview.bufnr)
  if #preview.offers == 0 then
    M.dismiss()
  else
    local after = preview.offers[index_after(row, col)]
    row, col = unpack(api.nvim_buf_get_extmark_by_id(preview.bufnr, namespace, after.mark, {}))
  end
  api.nvim_win_set_cursor(0, { row + 1, col })
  return true
end

--- Takes all offers, as one undo step.
---@return boolean whether there was one
function M.accept_all()
  local preview = of(api.nvim_get_current_buf())
  if not preview or not preview.final then
    return false
  end
  for _, offer in ipairs(preview.offers) do
    take(offer)
  end
  M.dismiss()
  return true
end

--- Shows another text of the offers that have several.
---@param step integer
---@param glyph string
function M.cycle(step, glyph)
  for _, offer in ipairs(current and current.final and current.offers or {}) do
    offer.index = (offer.index - 1 + step) % #offer.texts + 1
    draw(offer, glyph)
  end
end

--- The text was changed by someone else: the offers are for a text that is gone.
function M.on_change()
  if current and not of(current.bufnr) then
    M.dismiss()
  end
end

--- What is shown, for tests and the curious: the text of each offer as drawn.
---@param bufnr integer
---@return string[]
function M.inspect(bufnr)
  return vim.tbl_map(function(mark)
    local lines = { mark[4].virt_text or {} }
    vim.list_extend(lines, mark[4].virt_lines or {})
    return table.concat(vim.tbl_map(function(chunks)
      return table.concat(vim.tbl_map(function(chunk)
        return chunk[1]
      end, chunks))
    end, lines), '\n')
  end, api.nvim_buf_get_extmarks(bufnr, namespace, 0, -1, { details = true }))
end

return M
