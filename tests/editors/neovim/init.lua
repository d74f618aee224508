-- The configuration that the tests start Neovim with: the plugin from the project, the server from $QUICKSILVER_BIN.
vim.opt.runtimepath:prepend(vim.env.PLUGIN)
vim.o.swapfile = false
vim.o.termguicolors = true
vim.o.laststatus = 2
vim.o.statusline = "%t  %{%v:lua.require'quicksilver'.statusline()%}"
vim.g.loaded_python3_provider = 0
if vim.env.QUICKSILVER_BIN then
  -- Whether the model is sure enough of a hole is not what is tested here.
  require('quicksilver').setup({ binary = vim.env.QUICKSILVER_BIN, showUnsure = true })
else
  vim.g.loaded_quicksilver = true
end
