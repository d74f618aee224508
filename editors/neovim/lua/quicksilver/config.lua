--- The settings in force: their checks, and whether a buffer wants suggestions. Must not know the server or the
--- screen; what settings there are is in `settings.lua`.

local settings = require('quicksilver.settings')

local M = {}

---@type quicksilver.Config
M.defaults = {}
for _, setting in ipairs(settings) do
  M.defaults[setting.name] = vim.deepcopy(setting.default)
end

---@type quicksilver.Config
M.current = vim.deepcopy(M.defaults)

---@type string[] what was wrong with the options that were given last, one sentence for each
M.problems = {}

--- Language ids where they differ from Neovim's file types.
local LANGUAGE_IDS = {
  cs = 'csharp',
  gitcommit = 'git-commit',
  gitrebase = 'git-rebase',
  make = 'makefile',
  objc = 'objective-c',
  sh = 'shellscript',
  text = 'plaintext',
}

--- The language id of a file type.
---@param filetype string
---@return string
function M.language_id(filetype)
  return LANGUAGE_IDS[filetype] or filetype
end

---@param value any
---@return boolean
local function is_text(value)
  return type(value) == 'string' and value ~= ''
end

--- Each kind's check.
---@type table<string, fun(value: any, setting: quicksilver.Setting): boolean>
local checks = {
  boolean = function(value)
    return type(value) == 'boolean'
  end,
  integer = function(value, setting)
    local is_whole = type(value) == 'number' and value % 1 == 0
    return is_whole and value >= setting.least and value <= setting.most
      or setting.word ~= nil and value == setting.word
  end,
  choice = function(value, setting)
    return vim.list_contains(setting.choices, value)
  end,
  list = function(value)
    return vim.islist(value) and vim.iter(value):all(is_text)
  end,
  table = function(value)
    return type(value) == 'table'
  end,
  string = is_text,
  cell = function(value)
    return type(value) == 'string' and vim.fn.strdisplaywidth(value) == 1
  end,
}

--- Merges the user's keys into `keys`.
---@param keys table<string, string|false>
---@param given table
---@param problems string[]
local function merge_keys(keys, given, problems)
  for action, key in pairs(given) do
    if keys[action] == nil then
      problems[#problems + 1] = ('there is no key "keys.%s"'):format(action)
    elseif key ~= false and not is_text(key) then
      problems[#problems + 1] = ('"keys.%s" takes a key, or false for none'):format(action)
    else
      keys[action] = key
    end
  end
end

--- Merges `options` over the defaults. A setting that is wrong keeps its default and is told about.
---@param options? table
---@return quicksilver.Config config
---@return string[] problems one sentence for each
function M.merge(options)
  local merged, problems, left = vim.deepcopy(M.defaults), {}, vim.deepcopy(options or {})
  for _, setting in ipairs(settings) do
    local value = left[setting.name]
    left[setting.name] = nil
    if value == nil then
      -- The default stands.
    elseif not checks[setting.kind](value, setting) then
      problems[#problems + 1] = ('"%s" takes %s'):format(setting.name, setting.takes)
    elseif setting.kind == 'table' then
      merge_keys(merged[setting.name], value, problems)
    else
      merged[setting.name] = value
    end
  end
  for name in pairs(left) do
    problems[#problems + 1] = ('there is no setting "%s"'):format(name)
  end
  table.sort(problems)
  return merged, problems
end

---@param options? table
---@return string[] problems
function M.set(options)
  M.current, M.problems = M.merge(options)
  return M.problems
end

--- What the server gets as its settings: its own, where they are not the defaults.
---@return table<string, any>
function M.server_settings()
  local own = vim.empty_dict()
  for _, setting in ipairs(settings) do
    local value = M.current[setting.name]
    if setting.server and not vim.deep_equal(value, setting.default) then
      own[setting.name] = value
    end
  end
  return own
end

--- Why `bufnr` gets no suggestions by the user's own settings, or nil when it does.
---@param bufnr integer
---@return string?
function M.reason_off(bufnr)
  if not M.current.enable then
    return 'disabled'
  end
  if vim.b[bufnr].quicksilver_enable == false then
    return 'disabled in this buffer'
  end
  local bo = vim.bo[bufnr]
  if bo.buftype ~= '' then
    return 'not a file'
  end
  if not bo.modifiable or bo.readonly then
    return 'read-only'
  end
  if vim.api.nvim_buf_get_name(bufnr) == '' then
    return 'the buffer has no name; write it to a file'
  end
  local language = M.language_id(bo.filetype)
  if vim.list_contains(M.current.disabledLanguages, language) then
    return ('disabled for language "%s"'):format(language)
  end
  return nil
end

return M
