--- The settings: defaults, checks, and whether a buffer wants suggestions. Must not know the server or
--- the screen.

local M = {}

---@class quicksilver.Keys
---@field accept string|false
---@field accept_word string|false
---@field accept_line string|false
---@field dismiss string|false
---@field next string|false
---@field previous string|false
---@field trigger string|false
---@field mark string|false
---@field fill string|false
---@field rewrite string|false

---@class quicksilver.Config
---@field enabled boolean whether suggestions are wanted at all
---@field binary? string path of `quicksilver`; nil: looked for, see |quicksilver-binary|
---@field root_markers string[] what marks the folder given to the server as workspace
---@field disabled_filetypes string[]
---@field automatic boolean ask while typing; false: only on the trigger key
---@field debounce integer ms of rest after the last key before the server is asked
---@field frames boolean show the span while it is refined
---@field mask_glyph string stands for a position that is still masked
---@field popup_menu 'show'|'hide' ghost text beside the popup menu
---@field keys quicksilver.Keys
---@field settings table<string, any> what the server gets as its `quicksilver` settings
M.defaults = {
  enabled = true,
  binary = nil,
  root_markers = { '.git' },
  disabled_filetypes = { 'gitcommit', 'gitrebase', 'help', 'man', 'qf' },
  automatic = true,
  debounce = 25,
  frames = true,
  mask_glyph = '░',
  popup_menu = 'show',
  keys = {
    accept = '<Tab>',
    accept_word = '<M-Right>',
    accept_line = '<M-Down>',
    dismiss = '<C-]>',
    next = '<M-]>',
    previous = '<M-[>',
    trigger = '<M-Bslash>',
    mark = '<M-m>',
    fill = '<M-f>',
    rewrite = '<M-r>',
  },
  settings = {},
}

---@type quicksilver.Config
M.current = vim.deepcopy(M.defaults)

---@param wanted string
---@return fun(value: any): boolean
local function of_type(wanted)
  return function(value)
    return type(value) == wanted
  end
end

--- Each setting's check, and in words what it takes.
---@type table<string, { [1]: (fun(value: any): boolean), [2]: string }>
local checks = {
  enabled = { of_type('boolean'), 'true or false' },
  binary = { of_type('string'), 'a path' },
  root_markers = { vim.islist, 'a list of names' },
  disabled_filetypes = { vim.islist, 'a list of file types' },
  automatic = { of_type('boolean'), 'true or false' },
  debounce = {
    function(value)
      return type(value) == 'number' and value >= 0 and value <= 5000
    end,
    'a number of ms from 0 to 5000',
  },
  frames = { of_type('boolean'), 'true or false' },
  mask_glyph = {
    function(value)
      return type(value) == 'string' and vim.fn.strdisplaywidth(value) == 1
    end,
    'one character of one cell',
  },
  popup_menu = {
    function(value)
      return value == 'show' or value == 'hide'
    end,
    '"show" or "hide"',
  },
  keys = { of_type('table'), 'a table' },
  settings = { of_type('table'), 'a table' },
}

---@param value any
---@return boolean
local function is_key(value)
  return value == false or (type(value) == 'string' and value ~= '')
end

--- Merges `options` over the defaults. A setting that is wrong keeps its default and is told about.
---@param options? table
---@return quicksilver.Config config
---@return string[] problems one sentence for each
function M.merge(options)
  local merged = vim.deepcopy(M.defaults)
  local problems = {}
  for name, value in pairs(options or {}) do
    local check = checks[name]
    if not check then
      problems[#problems + 1] = ('there is no setting "%s"'):format(name)
    elseif not check[1](value) then
      problems[#problems + 1] = ('"%s" must be %s'):format(name, check[2])
    elseif name == 'keys' then
      for action, key in pairs(value) do
        if M.defaults.keys[action] == nil then
          problems[#problems + 1] = ('there is no key "keys.%s"'):format(action)
        elseif not is_key(key) then
          problems[#problems + 1] = ('"keys.%s" must be a key, or false for none'):format(action)
        else
          merged.keys[action] = key
        end
      end
    else
      merged[name] = vim.deepcopy(value)
    end
  end
  table.sort(problems)
  return merged, problems
end

---@param options? table
---@return string[] problems
function M.set(options)
  local problems
  M.current, problems = M.merge(options)
  return problems
end

--- Why `bufnr` gets no suggestions by the user's own settings, or nil when it does.
---@param bufnr integer
---@return string?
function M.reason_off(bufnr)
  if not M.current.enabled then
    return 'disabled'
  end
  if vim.b[bufnr].quicksilver_enabled == false then
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
    return 'the buffer has no name'
  end
  if vim.list_contains(M.current.disabled_filetypes, bo.filetype) then
    return ('disabled for file type "%s"'):format(bo.filetype)
  end
  return nil
end

return M
