--- The server's life as seen from the editor: start, attach, restart with back-off, stop. Hands messages on to
--- whoever asked for them. Must not draw, nor know when to ask for suggestions.

local binary = require('quicksilver.binary')
local config = require('quicksilver.config')
local protocol = require('quicksilver.protocol')
local restart = require('quicksilver.restart')
local status = require('quicksilver.status')

local M = {}

M.NAME = 'quicksilver'

---@type fun(frame: quicksilver.Frame)
local on_frame = function() end
---@type fun()
local on_recovered = function() end
---@type integer[] ms of the latest deaths
local deaths = {}
---@type table<integer, true> ids of the clients that were stopped on purpose: their exit is no death
local stopped = {}

--- Registers who draws frames.
---@param callback fun(frame: quicksilver.Frame)
function M.on_frame(callback)
  on_frame = callback
end

--- Registers who asks again once the server's own trouble is over.
---@param callback fun()
function M.on_recovered(callback)
  on_recovered = callback
end

---@return vim.lsp.Client[]
local function clients()
  return vim.lsp.get_clients({ name = M.NAME })
end

--- The client that serves `bufnr`, once it is initialised.
---@param bufnr integer
---@return vim.lsp.Client?
function M.of(bufnr)
  for _, client in ipairs(vim.lsp.get_clients({ name = M.NAME, bufnr = bufnr })) do
    if client.initialized and not client:is_stopped() then
      return client
    end
  end
end

---@param code integer
---@param signal integer
---@param id integer
local function exited(code, signal, id)
  if stopped[id] or vim.v.exiting ~= vim.NIL then
    stopped[id] = nil
    return
  end
  local now = vim.uv.now()
  deaths[#deaths + 1] = now
  local wait
  wait, deaths = restart.next_wait(deaths, now)
  local how = signal ~= 0 and ('signal %d'):format(signal) or ('exit code %d'):format(code)
  if not wait then
    local advice = 'see :Quicksilver log, then :Quicksilver restart'
    local problem = ('the server died %d times in 3 minutes (%s); %s'):format(#deaths, how, advice)
    status.set_client('failed', problem)
    vim.notify('quicksilver: ' .. problem, vim.log.levels.ERROR)
    return
  end
  status.set_client('restarting')
  status.count('restarts')
  vim.defer_fn(function()
    -- Meanwhile it may have been started, or turned off, by hand.
    if status.get().client == 'restarting' then
      status.set_client('stopped')
      M.attach_all()
    end
  end, wait)
end

--- Asks the server which model answers, and calls `done` once that is known.
---@param client? vim.lsp.Client
---@param done? fun()
function M.learn_model(client, done)
  client = client or clients()[1]
  if not client or not client.initialized then
    return
  end
  client:request(protocol.STATUS, nil, function(_, answer)
    status.set_model(protocol.model(answer))
    if done then
      done()
    end
  end)
end

---@param path string
---@param root string?
---@return vim.lsp.ClientConfig
local function client_config(path, root)
  local settings = { quicksilver = config.server_settings() }
  return {
    name = M.NAME,
    cmd = { path, 'lsp' },
    root_dir = root,
    init_options = settings,
    settings = settings,
    capabilities = vim.tbl_deep_extend(
      'force',
      vim.lsp.protocol.make_client_capabilities(),
      protocol.capabilities(config.current.refinement ~= 'off')
    ),
    get_language_id = function(_, filetype)
      return config.language_id(filetype)
    end,
    handlers = {
      [protocol.FRAME] = function(_, params)
        local frame = protocol.frame(params)
        if frame then
          on_frame(frame)
        end
      end,
      [protocol.STATUS] = function(_, params)
        local said = protocol.status(params)
        local before = status.get().server
        -- Few have a status line of ours: what keeps everything from showing is told once.
        if said and not said.uri and said.kind == 'Error' and not (before and before.message == said.message) then
          vim.notify('quicksilver: ' .. said.message, vim.log.levels.WARN)
        end
        if said and status.set_server(said) then
          on_recovered()
          M.learn_model()
        end
      end,
    },
    on_init = function(client)
      status.set_version(vim.tbl_get(client, 'server_info', 'version'))
      status.set_client('running')
      M.learn_model(client)
    end,
    on_attach = function(client)
      -- The plugin asks and draws by itself; text must not show twice.
      vim.lsp.inline_completion.enable(false, { client_id = client.id })
    end,
    on_exit = vim.schedule_wrap(exited),
  }
end

--- Gives `bufnr` to the server, which is started if need be.
---@param bufnr integer
function M.attach(bufnr)
  local state = status.get().client
  -- A key that is typed does not shorten the wait before a restart.
  if state == 'failed' or state == 'restarting' or config.reason_off(bufnr) or M.of(bufnr) then
    return
  end
  local found, problem = binary.find(config.current.binary)
  if not found then
    status.set_client('failed', problem)
    vim.notify('quicksilver: ' .. problem, vim.log.levels.WARN)
    return
  end
  if #clients() == 0 then
    status.set_client('starting')
  end
  local root = vim.fs.root(bufnr, config.current.rootMarkers)
  vim.lsp.start(client_config(found.path, root), { bufnr = bufnr })
end

--- Tells the server how the lines of `bufnr` are counted, where that is not by `\n`, as it takes for granted.
---@param bufnr integer
function M.tell_line_ends(bufnr)
  local server = M.of(bufnr)
  if server and vim.bo[bufnr].fileformat == 'mac' then
    server:notify(protocol.LINE_ENDS, { textDocument = { uri = vim.uri_from_bufnr(bufnr) }, lineEnds = 'lsp' })
  end
end

--- Gives `bufnr` to the server anew once its file format is another: Neovim does not tell that the line ends are.
---@param bufnr integer
function M.reopen(bufnr)
  local server = M.of(bufnr)
  if server then
    M.detach(bufnr)
    vim.lsp.buf_attach_client(bufnr, server.id)
  end
end

--- Takes `bufnr` away from the server, which forgets its text.
---@param bufnr integer
function M.detach(bufnr)
  local client = M.of(bufnr)
  if client then
    vim.lsp.buf_detach_client(bufnr, client.id)
  end
end

--- Gives every loaded buffer that wants suggestions to the server.
function M.attach_all()
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      M.attach(bufnr)
    end
  end
end

--- Stops the server, and calls `done` once it is gone.
---@param done? fun()
function M.stop(done)
  deaths = {}
  local leaving = clients()
  for _, client in ipairs(leaving) do
    stopped[client.id] = true
    client:stop(2000)
  end
  local function wait()
    for _, client in ipairs(leaving) do
      if vim.lsp.get_client_by_id(client.id) then
        vim.defer_fn(wait, 20)
        return
      end
    end
    -- It may have been started again by now.
    if #clients() == 0 then
      status.set_client('stopped')
    end
    if done then
      done()
    end
  end
  wait()
end

--- Stops the server and starts it again, however often it died.
function M.restart()
  M.stop(M.attach_all)
end

return M
