--- What the user is told: whether the server runs, what it does, and why nothing shows. Must not start or ask
--- anything.

local config = require('quicksilver.config')

local M = {}

---@alias quicksilver.ClientState 'stopped'|'starting'|'running'|'restarting'|'failed'

---@class quicksilver.StatusState
---@field client quicksilver.ClientState
---@field problem? string why the client failed, and what to do
---@field server? quicksilver.ServerStatus the server's last word on everything
---@field documents table<string, quicksilver.ServerStatus> its last word on one document
---@field version? string of the server
---@field restarts integer
---@field asked integer requests sent
---@field shown integer answers that had something to show
---@field accepted integer
---@field answer_ms? number the last answer's time
---@field model? string what answers, and where it runs
---@field steps? string "3/8" while a span is refined
local state = {
  client = 'stopped',
  documents = {},
  restarts = 0,
  asked = 0,
  shown = 0,
  accepted = 0,
}

--- Text that marks the plugin in a status line.
local LABEL = 'qs'

--- Something that is told here is another by now.
function M.changed()
  vim.schedule(function()
    vim.api.nvim_exec_autocmds('User', { pattern = 'QuicksilverStatus', modeline = false })
    vim.cmd.redrawstatus()
  end)
end

---@param client quicksilver.ClientState
---@param problem? string
function M.set_client(client, problem)
  state.client = client
  state.problem = problem
  if client ~= 'running' then
    state.server, state.documents, state.steps, state.model = nil, {}, nil, nil
  end
  M.changed()
end

---@param status quicksilver.ServerStatus?
---@return boolean
local function speaks(status)
  return status ~= nil and status.message ~= ''
end

--- Takes in the server's own status; says whether a trouble of its own is over.
---@param status quicksilver.ServerStatus
---@return boolean recovered
function M.set_server(status)
  local recovered = false
  if status.uri then
    state.documents[status.uri] = status
  else
    recovered = speaks(state.server) and not speaks(status)
    state.server = status
  end
  M.changed()
  return recovered
end

--- A suggestion came for the document: what was said of it before is no longer so.
---@param uri string
function M.clear_document(uri)
  if state.documents[uri] then
    state.documents[uri] = nil
    M.changed()
  end
end

---@param version string?
function M.set_version(version)
  state.version = version
end

---@param model string?
function M.set_model(model)
  state.model = model
  M.changed()
end

---@param steps string? "3/8", or nil when nothing is being refined
function M.set_steps(steps)
  if state.steps ~= steps then
    state.steps = steps
    M.changed()
  end
end

---@param counter 'restarts'|'asked'|'shown'|'accepted'
function M.count(counter)
  state[counter] = state[counter] + 1
end

---@param ms number
function M.set_answer_ms(ms)
  state.answer_ms = ms
end

---@return quicksilver.StatusState
function M.get()
  return vim.deepcopy(state)
end

--- Why nothing shows in `bufnr` (default: the current one), or nil when suggestions can come.
---@param bufnr? integer
---@return string?
function M.reason(bufnr)
  bufnr = vim._resolve_bufnr(bufnr)
  local off = config.reason_off(bufnr)
  if off then
    return off
  end
  if vim.fn.reg_recording() ~= '' then
    return 'a macro is being recorded'
  end
  if state.client == 'failed' then
    return state.problem or 'the server failed'
  end
  if state.client ~= 'running' then
    return state.client == 'stopped' and 'the server is not running' or 'the server is ' .. state.client
  end
  local document = state.documents[vim.uri_from_bufnr(bufnr)]
  for _, status in ipairs({ document or false, state.server or false }) do
    if status and status.message ~= '' and (status.kind ~= 'Normal' or status.busy) then
      return status.message
    end
  end
  -- A document's status of kind Normal still says why the last request was met with silence.
  return document and document.message ~= '' and document.message or nil
end

--- For a status line: `qs`, `qs 3/8` while a span is refined, or `qs: ` and the reason for silence.
---@return string
function M.statusline()
  if state.steps then
    return ('%s %s'):format(LABEL, state.steps)
  end
  local reason = M.reason()
  if not reason then
    return LABEL
  end
  return ('%s: %s'):format(LABEL, reason:gsub('%%', '%%%%'))
end

--- The whole state in lines, for `:Quicksilver status`.
---@return string[]
function M.report()
  local reason = M.reason()
  local lines = {
    'Quicksilver ' .. (state.version or '(version unknown)'),
    'server: ' .. state.client .. (state.restarts > 0 and (', restarts: %d'):format(state.restarts) or ''),
    'model: ' .. (state.model or 'not known yet'),
    'here: ' .. (reason or 'ready'),
    ('asked %d, shown %d, accepted %d'):format(state.asked, state.shown, state.accepted),
  }
  if state.server and state.server.message ~= '' then
    table.insert(lines, 3, 'says: ' .. state.server.message)
  end
  if state.answer_ms then
    lines[#lines + 1] = ('last answer after %.0f ms'):format(state.answer_ms)
  end
  return lines
end

return M
