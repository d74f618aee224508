--- The subcommands of `:Quicksilver`, by name, each with what it does in words. Owns no state.

local M = {}

---@class quicksilver.Command
---@field run fun(arguments: string[], lines?: integer[]) with the first and last line of a range, if one was given
---@field doc string
---@field complete? fun(): string[] what it may be given; without this it takes nothing
---@field free? boolean it may be given something else as well

---@type table<string, quicksilver.Command>
M.all = {
  status = {
    doc = 'what the server does, which model answers, and why nothing shows',
    run = function()
      require('quicksilver').show_status()
    end,
  },
  why = {
    doc = 'why nothing shows here',
    run = function()
      local reason = require('quicksilver').reason()
      local said = reason and 'Nothing shows here: ' .. reason or 'Nothing keeps suggestions from showing here'
      local key = require('quicksilver.config').current.keys.trigger
      -- The one reason that a key of ours overrules.
      if key and reason and vim.startswith(reason, 'not sure enough') then
        said = ('%s; %s shows it all the same'):format(said, key)
      end
      vim.api.nvim_echo({ { said } }, true, {})
    end,
  },
  enable = {
    doc = 'suggestions on, in all buffers',
    run = function()
      require('quicksilver').enable()
    end,
  },
  disable = {
    doc = 'suggestions off; the server stops',
    run = function()
      require('quicksilver').disable()
    end,
  },
  toggle = {
    doc = 'one or the other; with "buffer" for this buffer only',
    run = function(arguments)
      require('quicksilver').toggle(arguments[1] == 'buffer')
    end,
    complete = function()
      return { 'buffer' }
    end,
  },
  trigger = {
    doc = 'ask now, in insert mode',
    run = function()
      -- After <C-o> the editor is back in insert mode only then.
      vim.schedule(function()
        if vim.api.nvim_get_mode().mode:sub(1, 1) == 'i' then
          require('quicksilver').trigger()
        else
          vim.notify('quicksilver: it asks in insert mode', vim.log.levels.WARN)
        end
      end)
    end,
  },
  restart = {
    doc = 'stop the server and start it anew',
    run = function()
      require('quicksilver').restart()
    end,
  },
  log = {
    doc = "open the language servers' log",
    run = function()
      require('quicksilver').show_log()
    end,
  },
  mark = {
    doc = "mark the cursor's place to be filled, or take its mark away",
    run = function()
      require('quicksilver.fill').mark()
    end,
  },
  fill = {
    doc = 'fill the marked places and the placeholders of a range together',
    run = function(_, lines)
      require('quicksilver.fill').fill(lines and lines[1], lines and lines[2])
    end,
  },
  rewrite = {
    doc = 'write the lines of a range, or this line, anew',
    run = function(_, lines)
      local line = vim.fn.line('.')
      require('quicksilver.fill').rewrite(lines and lines[1] or line, lines and lines[2] or line)
    end,
  },
  doubts = {
    doc = 'look for misspelt names in this file',
    run = function()
      require('quicksilver.fill').doubts()
    end,
  },
  model = {
    doc = 'with a name or folder: take that model; without: which one answers',
    run = function(arguments)
      require('quicksilver').model(arguments[1])
    end,
    complete = function()
      return require('quicksilver.binary').models()
    end,
    free = true,
  },
}

--- Names of the subcommands, sorted.
---@return string[]
function M.names()
  return vim.fn.sort(vim.tbl_keys(M.all))
end

--- Runs `:[lines]Quicksilver {arguments}`.
---@param arguments string[]
---@param lines? integer[]
function M.run(arguments, lines)
  local name, given = arguments[1] or 'status', arguments[2]
  local command = M.all[name]
  local problem
  if not command then
    problem = ('no command "%s"; there are: %s'):format(name, table.concat(M.names(), ', '))
  elseif #arguments > 2 or given and not command.complete then
    problem = ('too much after "%s"'):format(name)
  elseif given and not command.free and not vim.list_contains(command.complete(), given) then
    problem = ('"%s" takes %s, or nothing'):format(name, table.concat(command.complete(), ', '))
  end
  if problem then
    vim.notify('quicksilver: ' .. problem, vim.log.levels.ERROR)
    return
  end
  command.run(vim.list_slice(arguments, 2), lines)
end

--- Completes `:Quicksilver {line}`.
---@param lead string
---@param line string the command line up to the cursor
---@return string[]
function M.complete(lead, line)
  local words = vim.split(line, '%s+', { trimempty = true })
  local nth = #words + (lead == '' and 1 or 0)
  local choices = M.names()
  if nth > 2 then
    local command = M.all[words[2]]
    choices = nth == 3 and command and command.complete and command.complete() or {}
  end
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, choices)
end

return M
