--- The keys. Each acts only while there is something for it to act on; otherwise it does what it did before the
--- plugin came, or nothing where it was only a key with Alt. Must not know suggestions beyond "can this be accepted".

local config = require('quicksilver.config')
local shown = require('quicksilver.shown')

local M = {}

--- How the description of each of our mappings starts.
local DESCRIPTION = 'Quicksilver: '

---@type table<string, table> what each of our keys was mapped to before
local former = {}

---@class quicksilver.Action
---@field applies fun(): boolean
---@field run string what the key then does, as an argument of `<Cmd>lua`
---@field undo boolean starts an undo step of its own

---@type table<string, quicksilver.Action>
local actions = {
  accept = { applies = shown.can_accept, run = "require('quicksilver').accept()", undo = true },
  acceptWord = { applies = shown.can_accept, run = "require('quicksilver').accept('word')", undo = true },
  acceptLine = { applies = shown.can_accept, run = "require('quicksilver').accept('line')", undo = true },
  dismiss = { applies = shown.is_shown, run = "require('quicksilver').dismiss()", undo = false },
  next = { applies = shown.is_shown, run = "require('quicksilver').next()", undo = false },
  previous = { applies = shown.is_shown, run = "require('quicksilver').previous()", undo = false },
  trigger = {
    applies = function()
      return config.reason_off(0) == nil
    end,
    run = "require('quicksilver').trigger()",
    undo = false,
  },
}

---@param keys string
---@return string
local function termcodes(keys)
  return vim.api.nvim_replace_termcodes(keys, true, true, true)
end

--- What `key` did before: for an expression mapping its value.
---@param key string
---@return string keys to be typed, termcodes replaced
local function fall_back(key)
  local map = former[key]
  if not map then
    -- A mapping's keys are typed without their Alt: someone who cycles a moment too late would get a bracket.
    return key:match('^<[MAma]%-') and '' or termcodes(key)
  end
  if map.callback then
    if map.expr == 0 then
      vim.schedule(map.callback)
      return ''
    end
    local value = map.callback() or ''
    return map.replace_keycodes == 1 and termcodes(value) or value
  end
  -- Names that only their own script knows.
  local rhs = map.rhs:gsub('<[Ss][Ii][Dd]>', ('<SNR>%d_'):format(map.sid))
  return map.expr == 1 and vim.api.nvim_eval(rhs) or termcodes(rhs)
end

--- Takes our keys away, and gives back what they were mapped to; a mapping that was made over ours stays.
function M.remove()
  for key, map in pairs(former) do
    local now = vim.fn.maparg(key, 'i', false, true)
    if vim.startswith(now.desc or '', DESCRIPTION) then
      vim.keymap.del('i', key)
      if map then
        vim.fn.mapset('i', false, map)
      end
    end
  end
  former = {}
end

--- Maps the keys of the configuration.
function M.set()
  M.remove()
  for name, action in pairs(actions) do
    local key = config.current.keys[name]
    if key then
      local map = vim.fn.maparg(key, 'i', false, true)
      former[key] = next(map) and map.buffer == 0 and map or false
      local plug = ('<Plug>(quicksilver-%s)'):format(name)
      vim.keymap.set('i', plug, (action.undo and '<C-g>u' or '') .. '<Cmd>lua ' .. action.run .. '<CR>', { silent = true })
      vim.keymap.set('i', key, function()
        return action.applies() and termcodes(plug) or fall_back(key)
      end, {
        expr = true,
        replace_keycodes = false,
        -- As the former mapping would; a `<Plug>` is mapped in any case.
        remap = map.noremap == 0 or map.script == 1,
        silent = true,
        desc = DESCRIPTION .. name,
      })
    end
  end
end

return M
