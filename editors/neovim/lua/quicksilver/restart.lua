--- When a server that died is started again: later each time, and at last not at all. Must not know the editor.

local M = {}

--- So many deaths within so many ms, and the plugin gives up.
M.MAX_RESTARTS = 5
M.RESTART_WINDOW_MS = 3 * 60 * 1000
--- First wait before a restart, in ms; it doubles with each death in the window, up to the longest.
local FIRST_WAIT_MS, LONGEST_WAIT_MS = 250, 8000

--- How long to wait before the next restart, or nil to give up.
---@param times integer[] ms of all deaths so far, the latest last
---@param now integer ms
---@return integer? wait ms
---@return integer[] recent the deaths within the window
function M.next_wait(times, now)
  local recent = vim.tbl_filter(function(time)
    return now - time < M.RESTART_WINDOW_MS
  end, times)
  if #recent > M.MAX_RESTARTS then
    return nil, recent
  end
  return math.min(FIRST_WAIT_MS * 2 ^ math.max(0, #recent - 1), LONGEST_WAIT_MS), recent
end

return M
