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

vim.api.nvim_create_user_command('Quicksilver', function(command)
  require('quicksilver.commands').run(command.fargs, command.range > 0 and { command.line1, command.line2 } or nil)
end, {
  nargs = '*',
  range = true,
  desc = 'Quicksilver: status, enable, disable, restart, log and more',
  complete = function(lead, line, cursor)
    return require('quicksilver.commands').complete(lead, line:sub(1, cursor))
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
