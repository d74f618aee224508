-- Defines `:Quicksilver` and starts the plugin with its defaults, unless `setup()` ran before.
-- Owns nothing else: what the commands do lives in `lua/quicksilver/`.

if vim.g.loaded_quicksilver then
  return
end
vim.g.loaded_quicksilver = true

if vim.fn.has('nvim-0.12') == 0 then
  vim.notify('quicksilver needs Neovim 0.12 or later', vim.log.levels.ERROR)
  return
end

---@type table<string, fun(first?: integer, last?: integer)> with the lines of a range, if one was given
local subcommands = {
  status = function()
    require('quicksilver').show_status()
  end,
  enable = function()
    require('quicksilver').enable()
  end,
  disable = function()
    require('quicksilver').disable()
  end,
  restart = function()
    require('quicksilver').restart()
  end,
  log = function()
    require('quicksilver').show_log()
  end,
  doubts = function()
    require('quicksilver.fill').doubts()
  end,
  mark = function()
    require('quicksilver.fill').mark()
  end,
  fill = function(first, last)
    require('quicksilver.fill').fill(first, last)
  end,
  rewrite = function(first, last)
    local line = vim.fn.line('.')
    require('quicksilver.fill').rewrite(first or line, last or line)
  end,
}

vim.api.nvim_create_user_command('Quicksilver', function(command)
  local name = command.args == '' and 'status' or command.args
  local run = subcommands[name]
  if run then
    local ranged = command.range > 0
    run(ranged and command.line1 or nil, ranged and command.line2 or nil)
  else
    local known = table.concat(vim.fn.sort(vim.tbl_keys(subcommands)), ', ')
    vim.notify(('quicksilver: no command "%s"; there are: %s'):format(name, known), vim.log.levels.ERROR)
  end
end, {
  nargs = '?',
  range = true,
  desc = 'Quicksilver: status, enable, disable, restart, log, mark, fill, rewrite, doubts',
  complete = function(lead)
    return vim.tbl_filter(function(name)
      return vim.startswith(name, lead)
    end, vim.fn.sort(vim.tbl_keys(subcommands)))
  end,
})

-- After the user's configuration, so that a `setup()` there is the only one.
if vim.v.vim_did_enter == 1 then
  require('quicksilver').setup_once()
else
  vim.api.nvim_create_autocmd('VimEnter', {
    once = true,
    callback = function()
      require('quicksilver').setup_once()
    end,
  })
end
