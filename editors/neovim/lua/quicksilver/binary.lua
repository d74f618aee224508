--- Finds the `quicksilver` executable. Must not start it as a server.

local M = {}

---@class quicksilver.Binary
---@field path string
---@field source 'setting'|'project'|'PATH'

--- Where a build of the project that this plugin is a folder of leaves the executable.
---@return string?
local function project_build()
  local here = debug.getinfo(1, 'S').source:sub(2)
  local project = vim.fn.fnamemodify(vim.uv.fs_realpath(here) or here, ':h:h:h:h:h')
  if not vim.uv.fs_stat(vim.fs.joinpath(project, 'Cargo.toml')) then
    return nil
  end
  return vim.fs.joinpath(project, 'target', 'release', 'quicksilver')
end

--- The executable: the setting, else the project's own build, else the one in PATH.
---@param setting? string
---@return quicksilver.Binary?
---@return string? problem what is wrong and what to do
function M.find(setting)
  if setting then
    local path = vim.fs.normalize(setting)
    if vim.fn.executable(path) == 1 then
      return { path = path, source = 'setting' }
    end
    return nil, ('the setting "binary" names "%s", which is not an executable file'):format(path)
  end
  local built = project_build()
  if built and vim.fn.executable(built) == 1 then
    return { path = built, source = 'project' }
  end
  local found = vim.fn.exepath('quicksilver')
  if found ~= '' then
    return { path = found, source = 'PATH' }
  end
  return nil, 'no "quicksilver" executable: run `cargo install --path server`, or name it in the setting "binary"'
end

--- First line of `quicksilver --version`.
---@param path string
---@return string? version
---@return string? problem
function M.version(path)
  local ok, result = pcall(function()
    return vim.system({ path, '--version' }, { text = true, timeout = 5000 }):wait()
  end)
  if not ok then
    return nil, tostring(result)
  end
  if result.code ~= 0 then
    return nil, ('exit code %d: %s'):format(result.code, vim.trim(result.stderr or ''))
  end
  return vim.trim(result.stdout or '')
end

--- Names of the models that are on this disk: the embedded one and those that were pulled.
---@return string[]
function M.models()
  local found = M.find(require('quicksilver.config').current.binary)
  local command = found and { found.path, 'model', 'list', '--json' }
  local listed = command and vim.system(command, { text = true, timeout = 5000 }):wait()
  local read, list = pcall(vim.json.decode, listed and listed.stdout or '')
  return vim
    .iter(read and list.models or {})
    :filter(function(model)
      return model.id == 'quicksilver' or type(model.pulled) == 'string'
    end)
    :map(function(model)
      return model.id
    end)
    :totable()
end

return M
