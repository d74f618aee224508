--- `:checkhealth quicksilver`: everything that can keep ghost text from showing, each with its cure. Reads only.

local binary = require('quicksilver.binary')
local client = require('quicksilver.client')
local config = require('quicksilver.config')
local status = require('quicksilver.status')

local M = {}

local function check_binary()
  vim.health.start('quicksilver: executable')
  local found, problem = binary.find(config.current.binary)
  if not found then
    vim.health.error(problem or 'not found')
    return
  end
  local version, failure = binary.version(found.path)
  if version then
    vim.health.ok(('%s (%s, from %s)'):format(version, found.path, found.source))
  else
    vim.health.error(('%s does not run: %s'):format(found.path, failure), { 'Build it again: cargo build --release' })
  end
end

local function check_server()
  vim.health.start('quicksilver: server')
  local state = status.get()
  if state.client == 'running' then
    vim.health.ok(('running, version %s'):format(state.version or 'unknown'))
  elseif state.client == 'failed' then
    vim.health.error(state.problem or 'failed', { ':Quicksilver log', ':Quicksilver restart' })
  else
    vim.health.warn('the server is ' .. state.client, { 'It starts with the first file that wants suggestions.' })
  end
  for _, running in ipairs(vim.lsp.get_clients({ name = client.NAME })) do
    vim.health.info(('workspace: %s'):format(running.root_dir or 'none: single files'))
    vim.health.info(('position encoding: %s'):format(running.offset_encoding))
    if not running:supports_method('textDocument/inlineCompletion') then
      vim.health.error('the server does not offer inline completion: its version is not that of this plugin')
    end
  end
  if state.restarts > 0 then
    vim.health.warn(('restarts in this session: %d'):format(state.restarts), { ':Quicksilver log' })
  end
  if state.server and state.server.message ~= '' then
    local report = state.server.kind == 'Error' and vim.health.error or vim.health.info
    report('it says: ' .. state.server.message)
  end
end

local function check_settings()
  vim.health.start('quicksilver: settings')
  if #config.problems == 0 then
    vim.health.ok('all are good')
  end
  for _, problem in ipairs(config.problems) do
    vim.health.warn(problem, { ':help quicksilver-config' })
  end
end

--- The mode of each key that is not one of insert mode.
local MODES = { fill = 'n', mark = 'n', rewrite = 'x' }

local function check_keys()
  vim.health.start('quicksilver: keys')
  for name, key in vim.spairs(config.current.keys) do
    local map = key and vim.fn.maparg(key, MODES[name] or 'i', false, true) or {}
    if not key then
      vim.health.info(name .. ': no key')
    elseif vim.startswith(map.desc or '', 'Quicksilver: ') then
      vim.health.ok(('%s: %s'):format(name, key))
    else
      vim.health.warn(('%s: %s is mapped to something else'):format(name, key), { 'Set another key in "keys".' })
    end
  end
end

--- Run by |:checkhealth|.
function M.check()
  vim.health.start('quicksilver: editor')
  if vim.fn.has('nvim-0.12') == 1 then
    vim.health.ok('Neovim ' .. tostring(vim.version()))
  else
    vim.health.error('Neovim 0.12 or later is needed')
    return
  end
  check_binary()
  check_server()
  check_settings()
  check_keys()
  vim.health.start('quicksilver: ghost text in the buffer before this one')
  local before = vim.fn.bufnr('#')
  local reason = before > 0 and status.reason(before)
  vim.health.info(reason and ('silent: ' .. reason) or 'ready')
end

return M
