--- K2: the server is killed under Neovim. It comes back after its wait with the text, gives up at the sixth death in three
--- minutes and says so once, starts again when told to, and leaves no engine behind. Prints a line of the reliability report.

local status = require('quicksilver.status')
local restart = require('quicksilver.restart')

local KILLS = vim.env.QUICKSILVER_TIER == 'nightly' and 100 or 6
--- Most ms from the end of the wait until the server has the text, on a busy machine.
local BACK_MS = 2000

---@return vim.lsp.Client?
local function client()
  return require('quicksilver.client').of(0)
end

--- Processes of this run: those whose command line or whose parent names us.
---@param command string
---@return integer[]
local function pids(command)
  local found = {}
  for name in vim.fs.dir('/proc') do
    local file = name:match('^%d+$') and io.open('/proc/' .. name .. '/cmdline')
    if file then
      local line = file:read('*a'):gsub('%z', ' ')
      file:close()
      if line:find(vim.env.XDG_RUNTIME_DIR, 1, true) and line:find(' ' .. command .. ' ', 1, true) then
        found[#found + 1] = tonumber(name)
      end
    end
  end
  return found
end

local function in_step()
  -- By its number: only then what is not sent yet goes first.
  local bufnr = vim.api.nvim_get_current_buf()
  local uri = vim.uri_from_bufnr(bufnr)
  local answer = assert(client()):request_sync('quicksilver/digest', { textDocument = { uri = uri } }, 10000, bufnr)
  local digest = assert(answer and answer.result, 'no digest')
  local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n') .. '\n'
  equal('text', digest.hash, vim.fn.sha256(text))
end

it('K2: a killed server comes back with the text', function()
  vim.cmd.edit(vim.fs.joinpath(vim.env.PROJECT, 'shop.rs'))
  wait_for('the server', client)
  local said, notify = {}, vim.notify
  vim.notify = function(message, level)
    if vim.startswith(message, 'quicksilver: ') then
      said[#said + 1] = message
    else
      notify(message, level)
    end
  end
  local waits, given_up, in_row, most_engines = {}, 0, 0, 0
  for kill = 1, KILLS do
    local before = assert(client()).id
    vim.api.nvim_buf_set_lines(0, 0, 0, false, { ('// before death %d 😀'):format(kill) })
    local killed = vim.uv.now()
    for _, pid in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do
      vim.uv.kill(pid, 'sigkill')
    end
    -- Typing goes on while nobody listens.
    vim.api.nvim_buf_set_lines(0, 1, 1, false, { ('// after death %d'):format(kill) })
    in_row = in_row + 1
    if in_row > restart.MAX_RESTARTS then
      wait_for('the end', function()
        return status.get().client == 'failed'
      end)
      equal('told once', #said, 1)
      given_up, in_row, said = given_up + 1, 0, {}
      vim.cmd('Quicksilver restart')
      wait_for('the server, as told', client)
    else
      wait_for('the restart', function()
        local now = client()
        return now and now.id ~= before
      end)
      local wait = 250 * 2 ^ (in_row - 1)
      waits[#waits + 1] = vim.uv.now() - killed - wait
      equal('told', said, {})
    end
    in_step()
    most_engines = math.max(most_engines, #pids('engine'))
  end
  vim.notify = notify
  vim.cmd('Quicksilver disable')
  wait_for('the last engine to go', function()
    return #pids('engine') == 0
  end)
  table.sort(waits)
  local did = ('Neovim: %d kills of the server while someone types'):format(KILLS)
  local result = ('text re-sent and equal each time; back %d ms (median), %d ms (worst) after the back-off of 250 ms to 4 s; '):format(
    waits[math.ceil(#waits / 2)],
    waits[#waits]
  ) .. ('gave up with one message %d times, as after every sixth; never more than %d engines, 0 orphans'):format(given_up, most_engines)
  io.stdout:write('\nreliability | K2 | ' .. did .. ' | ' .. result .. '\n')
  equal('back in time', waits[#waits] < BACK_MS, true)
end)
