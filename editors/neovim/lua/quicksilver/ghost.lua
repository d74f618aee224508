--- Draws what is left of a suggestion as ghost text: one extmark with a fixed id, so that a new state replaces
--- the old one at once. Must not know the server, nor decide what to show.

local M = {}

local api = vim.api
local namespace = api.nvim_create_namespace('quicksilver.ghost')
local MARK = 1

--- Highlight group of each state.
local GROUPS = {
  committed = 'QuicksilverCommitted',
  changed = 'QuicksilverChanged',
  masked = 'QuicksilverMasked',
}

---@type integer? the buffer that the mark stands in
local drawn_in

--- Links the groups to what the colour scheme has; a user's own definitions stay.
function M.define_highlights()
  api.nvim_set_hl(0, GROUPS.committed, { default = true, link = 'Comment' })
  api.nvim_set_hl(0, GROUPS.changed, { default = true, link = 'DiagnosticVirtualTextInfo' })
  api.nvim_set_hl(0, GROUPS.masked, { default = true, link = 'NonText' })
end

---@param runs quicksilver.Run[]
---@return [string, string][] chunks
local function chunks_of(runs)
  return vim.tbl_map(function(run)
    return { run.text, GROUPS[run.kind] }
  end, runs)
end

---@param runs quicksilver.Run[]
---@return string
local function text_of(runs)
  return table.concat(vim.tbl_map(function(run)
    return run.text
  end, runs))
end

--- Draws `lines` at the cursor.
---@param bufnr integer
---@param row integer
---@param col integer
---@param lines quicksilver.Run[][]
---@param rest quicksilver.Rest
function M.draw(bufnr, row, col, lines, rest)
  if drawn_in and drawn_in ~= bufnr then
    M.clear()
  end
  local first = chunks_of(lines[1])
  local further = {} ---@type [string, string][][]
  for i = 2, #lines do
    local chunks = chunks_of(lines[i])
    -- A line of virtual text without any chunk is not drawn.
    further[#further + 1] = #chunks > 0 and chunks or { { ' ', GROUPS.committed } }
  end

  -- What stands after the cursor is covered where the suggestion replaces it, or moves it to another line.
  local covers = rest.eat > 0 or (#lines > 1 and rest.after ~= '')
  if covers then
    local kept = rest.after:sub(rest.eat + 1)
    if #further == 0 then
      first[#first + 1] = { kept }
    else
      table.insert(further[#further], { kept })
    end
    local drawn = text_of(lines[1]) .. (#further == 0 and kept or '')
    local missing = api.nvim_strwidth(rest.after) - api.nvim_strwidth(drawn)
    if missing > 0 then
      first[#first + 1] = { (' '):rep(missing) }
    end
  end

  drawn_in = bufnr
  api.nvim_buf_set_extmark(bufnr, namespace, row, col, {
    id = MARK,
    virt_text = first,
    virt_text_pos = covers and 'overlay' or 'inline',
    virt_lines = further,
    -- Else the text takes on the looks of what stands before it: of a bracket whose partner is highlighted.
    hl_mode = 'replace',
    right_gravity = false,
    undo_restore = false,
    strict = false,
  })
end

--- Takes the ghost text away.
function M.clear()
  if drawn_in and api.nvim_buf_is_valid(drawn_in) then
    api.nvim_buf_del_extmark(drawn_in, namespace, MARK)
  end
  drawn_in = nil
end

---@return boolean
function M.is_drawn()
  return drawn_in ~= nil
end

--- The ghost text on the screen, for tests and the curious: its first line's chunks, the other lines' chunks.
---@param bufnr integer
---@return { row: integer, col: integer, first: [string, string][], further: [string, string][][] }?
function M.inspect(bufnr)
  local mark = api.nvim_buf_get_extmark_by_id(bufnr, namespace, MARK, { details = true })
  if not mark[1] then
    return nil
  end
  return { row = mark[1], col = mark[2], first = mark[3].virt_text or {}, further = mark[3].virt_lines or {} }
end

return M
