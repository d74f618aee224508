--- Names and shapes of what the server and the plugin say to each other beyond plain LSP, and the checks
--- that a message from outside passes before anything uses it. Must not know buffers or windows.

local M = {}

---@alias quicksilver.RunKind 'masked'|'changed'|'committed'
---@alias quicksilver.FrameState 'denoising'|'final'|'cancelled'
---@alias quicksilver.StatusKind 'Normal'|'Warning'|'Error'|'Inactive'

---@class quicksilver.Run
---@field text string decoded text; for a masked run a guess, or empty
---@field kind quicksilver.RunKind
---@field confidence number in [0, 1]

--- The whole span after one denoise step. The latest replaces all earlier ones.
---@class quicksilver.Frame
---@field session string
---@field uri string
---@field version integer document version that the request was made from
---@field position lsp.Position where the request was made
---@field seq integer rises by one per frame of a session
---@field step integer
---@field steps? integer how many are expected
---@field state quicksilver.FrameState
---@field range? lsp.Range what the span replaces
---@field runs quicksilver.Run[]
---@field elapsedMs? number

---@class quicksilver.ServerStatus
---@field busy boolean
---@field kind quicksilver.StatusKind
---@field message string what to tell the user: above all why nothing shows
---@field uri? string the document it speaks of; absent: all

M.INLINE_COMPLETION = 'textDocument/inlineCompletion'
M.FRAME = 'quicksilver/frame'
M.STATUS = 'quicksilver/status'
M.FILL = 'quicksilver/fill'
M.REWRITE = 'quicksilver/rewrite'
M.FILL_FRAME = 'quicksilver/fillFrame'
M.DEFINITION = 'textDocument/definition'
M.DEFINITIONS = 'quicksilver/definitions'
M.LINE_ENDS = 'quicksilver/lineEnds'
M.DID_PARTIALLY_ACCEPT = 'quicksilver/didPartiallyAccept'
M.ACCEPTED_COMMAND = 'quicksilver.accepted'

M.TRIGGER_INVOKED = 1
M.TRIGGER_AUTOMATIC = 2

--- Places of one name that are passed on.
M.MOST_PLACES = 4

--- Frames per second that the plugin draws at most, and asks the server for.
M.MAX_FPS = 30

local RUN_KINDS = { masked = true, changed = true, committed = true }
local STATUS_KINDS = { Normal = true, Warning = true, Error = true, Inactive = true }

--- What the plugin adds to the client capabilities.
---@param frames boolean
---@return table
function M.capabilities(frames)
  return { experimental = { quicksilver = { frames = frames, maxFps = M.MAX_FPS, fill = true } } }
end

---@param value any
---@return boolean
local function is_position(value)
  return type(value) == 'table' and type(value.line) == 'number' and type(value.character) == 'number'
end

--- `params` as a frame, or nil when it has not the shape of one.
---@param params any
---@return quicksilver.Frame?
function M.frame(params)
  if type(params) ~= 'table' or type(params.uri) ~= 'string' or type(params.runs) ~= 'table' then
    return nil
  end
  if type(params.version) ~= 'number' or type(params.seq) ~= 'number' or not is_position(params.position) then
    return nil
  end
  for _, run in ipairs(params.runs) do
    if type(run) ~= 'table' or type(run.text) ~= 'string' or not RUN_KINDS[run.kind] then
      return nil
    end
  end
  local range = params.range
  if type(range) ~= 'table' or not is_position(range.start) or not is_position(range['end']) then
    params.range = nil
  end
  return params
end

---@param value any
---@return boolean
local function is_range(value)
  return type(value) == 'table' and is_position(value.start) and is_position(value['end'])
end

--- The places outside `uri` that an answer to `textDocument/definition` names, whichever of its shapes it has.
---@param result any
---@param uri string
---@return lsp.Location[]
function M.locations(result, uri)
  local list = type(result) == 'table' and (vim.islist(result) and result or { result }) or {}
  local places = {}
  for _, it in ipairs(list) do
    if type(it) == 'table' then
      local of, range = it.uri or it.targetUri, it.range or it.targetSelectionRange
      if type(of) == 'string' and of ~= uri and is_range(range) and #places < M.MOST_PLACES then
        places[#places + 1] = { uri = of, range = range }
      end
    end
  end
  return places
end

--- All holes of a fill after one step.
---@class quicksilver.FillFrame
---@field token string of the request
---@field seq integer
---@field holes { range: lsp.Range, runs: quicksilver.Run[] }[]

--- `params` as the frame of a fill, or nil when it has not the shape of one.
---@param params any
---@return quicksilver.FillFrame?
function M.fill_frame(params)
  if type(params) ~= 'table' or type(params.token) ~= 'string' or type(params.seq) ~= 'number' then
    return nil
  end
  for _, hole in ipairs(type(params.holes) == 'table' and params.holes or { false }) do
    if type(hole) ~= 'table' or not is_range(hole.range) or type(hole.runs) ~= 'table' then
      return nil
    end
    for _, run in ipairs(hole.runs) do
      if type(run) ~= 'table' or type(run.text) ~= 'string' or not RUN_KINDS[run.kind] then
        return nil
      end
    end
  end
  return params
end

--- What the answer to a fill offers.
---@param result table
---@return quicksilver.Offer[]
function M.fill_offers(result)
  local offers = {}
  for _, hole in ipairs(type(result.holes) == 'table' and result.holes or {}) do
    if type(hole) == 'table' and is_range(hole.range) and type(hole.newText) == 'string' then
      offers[#offers + 1] = { range = hole.range, texts = { hole.newText }, index = 1 }
    end
  end
  return offers
end

--- What the answer to a rewriting offers.
---@param result table
---@return quicksilver.Offer[]
function M.rewrite_offers(result)
  local texts = vim.tbl_filter(function(text)
    return type(text) == 'string'
  end, type(result.texts) == 'table' and result.texts or {})
  return #texts > 0 and is_range(result.range) and { { range = result.range, texts = texts, index = 1 } } or {}
end

--- `params` as a status, or nil when it has not the shape of one.
---@param params any
---@return quicksilver.ServerStatus?
function M.status(params)
  if type(params) ~= 'table' then
    return nil
  end
  return {
    busy = params.busy == true,
    kind = STATUS_KINDS[params.kind] and params.kind or 'Normal',
    message = type(params.message) == 'string' and params.message or '',
    uri = type(params.uri) == 'string' and params.uri or nil,
  }
end

--- The answer to a request for the status as the model it names and its device, in words.
---@param answer any
---@return string?
function M.model(answer)
  if type(answer) == 'table' and type(answer.model) == 'string' and type(answer.device) == 'string' then
    return ('%s on %s'):format(answer.model, answer.device)
  end
end

--- The items of an answer to `textDocument/inlineCompletion`, whichever of its shapes it has.
---@param result any
---@return lsp.InlineCompletionItem[]
function M.items(result)
  if type(result) ~= 'table' then
    return {}
  end
  local list = type(result.items) == 'table' and result.items or result
  return vim.tbl_filter(function(item)
    return type(item) == 'table' and type(item.insertText) == 'string' and item.insertText ~= ''
  end, vim.islist(list) and list or {})
end

--- The session that an item belongs to: the first argument of its command.
---@param item lsp.InlineCompletionItem
---@return string?
function M.session(item)
  local first = vim.tbl_get(item, 'command', 'arguments', 1)
  if type(first) == 'table' then
    first = first.session
  end
  return first ~= nil and first ~= vim.NIL and tostring(first) or nil
end

return M
