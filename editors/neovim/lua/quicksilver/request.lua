--- When to ask the server, and what its frames and answers put on show. At most one request is on its way.
--- Must not know how ghost text is drawn, nor how the server lives.

local client = require('quicksilver.client')
local config = require('quicksilver.config')
local protocol = require('quicksilver.protocol')
local shown = require('quicksilver.shown')
local status = require('quicksilver.status')
local suggestion = require('quicksilver.suggestion')

local M = {}

local api = vim.api

---@class quicksilver.Pending
---@field id integer of the LSP request
---@field client vim.lsp.Client
---@field bufnr integer
---@field uri string
---@field version integer of the document
---@field position lsp.Position
---@field place quicksilver.Place
---@field started number ms
---@field seq integer of the last frame

---@type quicksilver.Pending?
local pending
---@type string? buffer, change and cursor that were last looked at
local seen
local due_timer, frame_timer = assert(vim.uv.new_timer()), assert(vim.uv.new_timer())
---@type quicksilver.Frame? the latest that is not drawn yet
local waiting_frame
local last_drawn = 0 ---@type number ms
local FRAME_MS = math.floor(1000 / protocol.MAX_FPS)

local function forget_pending()
  due_timer:stop()
  frame_timer:stop()
  waiting_frame = nil
  status.set_steps(nil)
  if pending and not pending.client:is_stopped() then
    pending.client:cancel_request(pending.id)
  end
  pending = nil
end

--- Takes everything away: the ghost text, and what is on its way.
function M.clear()
  forget_pending()
  seen = nil
  shown.clear()
end

---@param asked quicksilver.Pending
---@param result any
local function answered(asked, result)
  pending, waiting_frame = nil, nil
  frame_timer:stop()
  status.set_steps(nil)
  status.set_answer_ms(vim.uv.hrtime() / 1e6 - asked.started)
  if not status.get().model then
    client.learn_model(asked.client)
  end
  local choices = {}
  for _, item in ipairs(protocol.items(result)) do
    local made = suggestion.from_item(item, asked.place, asked.client.offset_encoding)
    if made then
      choices[#choices + 1] = { suggestion = made, item = item }
    end
  end
  if #choices == 0 or not shown.inserting() then
    shown.clear()
    return
  end
  status.clear_document(asked.uri)
  -- Shown only if what was typed meanwhile goes along with it.
  if shown.set({ bufnr = asked.bufnr, client = asked.client, choices = choices, index = 1 }) then
    status.count('shown')
  end
end

---@param kind integer trigger kind
local function ask(kind)
  local bufnr = api.nvim_get_current_buf()
  if not shown.inserting() or config.reason_off(bufnr) then
    return
  end
  local server = client.of(bufnr)
  if not server then
    -- Asked of none: once there is a server, this place is new to it.
    seen = nil
    client.attach(bufnr)
    return
  end
  forget_pending()
  local place = shown.cursor_place()
  local position = vim.lsp.util.make_position_params(0, server.offset_encoding).position
  local uri = vim.uri_from_bufnr(bufnr)
  local asked ---@type quicksilver.Pending
  local sent, id = server:request(protocol.INLINE_COMPLETION, {
    textDocument = { uri = uri },
    position = position,
    context = { triggerKind = kind },
  }, function(err, result)
    if pending == asked then
      answered(asked, not err and result or nil)
    end
  end, bufnr)
  if not sent or not id then
    return
  end
  status.count('asked')
  asked = {
    id = id,
    client = server,
    bufnr = bufnr,
    uri = uri,
    version = vim.lsp.util.buf_versions[bufnr],
    position = position,
    place = place,
    started = vim.uv.hrtime() / 1e6,
    seq = -1,
  }
  pending = asked
end

local function draw_frame()
  local frame = waiting_frame
  waiting_frame = nil
  if not frame or not pending or not shown.inserting() then
    return
  end
  last_drawn = vim.uv.now()
  status.set_steps(frame.steps and ('%d/%d'):format(frame.step, frame.steps) or tostring(frame.step))
  local made = suggestion.from_frame(frame, pending.place, config.current.maskGlyph)
  shown.set({ bufnr = pending.bufnr, client = pending.client, choices = { { suggestion = made } }, index = 1 })
end

--- Takes in a frame: of the request on its way, and newer than the last, or it is dropped.
---@param frame quicksilver.Frame
function M.on_frame(frame)
  local asked = pending
  if not asked or config.current.refinement == 'off' or frame.state ~= 'denoising' or frame.seq <= asked.seq then
    return
  end
  if frame.uri ~= asked.uri or frame.version ~= asked.version or not vim.deep_equal(frame.position, asked.position) then
    return
  end
  if config.current.refinement == 'first' and asked.seq >= 0 then
    return
  end
  asked.seq = frame.seq
  local idle = waiting_frame == nil
  waiting_frame = frame
  if idle then
    frame_timer:start(math.max(0, FRAME_MS - (vim.uv.now() - last_drawn)), 0, vim.schedule_wrap(draw_frame))
  end
end

--- Buffer, change and cursor as they are.
---@param place quicksilver.Place
---@return string
local function stamp(place)
  local bufnr = api.nvim_get_current_buf()
  return ('%d %d %d %d'):format(bufnr, api.nvim_buf_get_changedtick(bufnr), place.row, place.col)
end

--- The text or the cursor may have moved: keep what still fits, ask where something is missing.
function M.on_move()
  local bufnr = api.nvim_get_current_buf()
  if not shown.inserting() or config.reason_off(bufnr) then
    M.clear()
    return
  end
  local now = stamp(shown.cursor_place())
  if now == seen then
    shown.refresh()
    return
  end
  seen = now
  local fits = shown.refresh()
  -- An answer that still fits needs no other; a frame's request was made from a text that is gone.
  if fits and shown.is_final() then
    return
  end
  forget_pending()
  if config.current.automatic then
    local due = vim.schedule_wrap(function()
      ask(protocol.TRIGGER_AUTOMATIC)
    end)
    due_timer:start(0, 0, due)
  end
end

--- Hides the suggestion; the next change of the text asks again.
function M.dismiss()
  local here = seen
  M.clear()
  seen = here
end

--- Asks at the same place once more, if silence was the answer there.
function M.ask_again()
  if seen and not pending and not shown.refresh() and config.current.automatic then
    ask(protocol.TRIGGER_AUTOMATIC)
  end
end

--- Asks at once, whatever is shown.
function M.trigger()
  M.clear()
  -- What asks where something moved must not take this for a new place, and give the question up.
  seen = stamp(shown.cursor_place())
  ask(protocol.TRIGGER_INVOKED)
end

return M
