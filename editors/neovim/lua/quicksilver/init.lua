--- The plugin's front: `setup()` and what keys, commands and other plugins call. Wires the parts together and
--- owns the autocommands; all else lives in the parts.

local client = require('quicksilver.client')
local config = require('quicksilver.config')
local definitions = require('quicksilver.definitions')
local fill = require('quicksilver.fill')
local ghost = require('quicksilver.ghost')
local keymaps = require('quicksilver.keymaps')
local request = require('quicksilver.request')
local shown = require('quicksilver.shown')
local status = require('quicksilver.status')

local M = {}

local is_set_up = false

local function create_autocommands()
  local group = vim.api.nvim_create_augroup('quicksilver', {})
  ---@param events string[]
  ---@param callback fun(event: vim.api.keyset.create_autocmd.callback_args)
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, callback = callback })
  end
  on({ 'FileType', 'BufEnter', 'BufFilePost' }, function(event)
    client.attach(event.buf)
  end)
  -- Neovim tells a server of another name only when the file is written.
  on({ 'BufFilePre' }, function(event)
    client.detach(event.buf)
  end)
  -- These come before the screen is drawn again: the ghost text never lags behind the text.
  on({ 'TextChangedI', 'TextChangedP', 'CursorMovedI' }, request.on_move)
  -- At these the mode, or the popup menu, is not yet what it is about to be.
  on({ 'InsertEnter', 'CompleteChanged', 'CompleteDone' }, vim.schedule_wrap(request.on_move))
  on({ 'InsertLeave', 'BufLeave', 'WinLeave', 'CmdlineEnter' }, request.clear)
  -- <C-c> leaves insert mode without InsertLeave.
  on({ 'ModeChanged' }, function()
    if not shown.inserting() then
      request.clear()
    end
  end)
  on({ 'RecordingEnter', 'RecordingLeave' }, function()
    request.clear()
    status.changed()
  end)
  on({ 'LspAttach' }, function(event)
    local attached = vim.lsp.get_client_by_id(event.data.client_id)
    if attached and attached.name == client.NAME then
      client.tell_line_ends(event.buf)
      vim.schedule(request.on_move)
    end
  end)
  -- A buffer that is read again is opened again, without being attached again.
  on({ 'BufReadPost' }, function(event)
    client.tell_line_ends(event.buf)
  end)
  vim.api.nvim_create_autocmd('OptionSet', {
    group = group,
    pattern = 'fileformat',
    callback = function()
      client.reopen(vim.api.nvim_get_current_buf())
    end,
  })
  on({ 'InsertEnter', 'TextChangedI', 'TextChangedP', 'CursorMovedI' }, definitions.on_move)
  on({ 'InsertLeave', 'BufLeave' }, definitions.cancel)
  on({ 'ColorScheme' }, ghost.define_highlights)
end

--- Maps the keys, after every plugin that maps them while the editor starts: `setup()` in the user's configuration
--- runs before any of these, and would be mapped over.
local function map_keys()
  if vim.v.vim_did_enter == 1 then
    keymaps.set()
    return
  end
  vim.api.nvim_create_autocmd('VimEnter', { once = true, callback = vim.schedule_wrap(keymaps.set) })
end

--- Starts the plugin. May be called again with other options.
---@param options? table see |quicksilver-config|
function M.setup(options)
  local again = is_set_up
  is_set_up = true
  for _, problem in ipairs(config.set(options)) do
    vim.notify('quicksilver: ' .. problem, vim.log.levels.WARN)
  end
  ghost.define_highlights()
  map_keys()
  fill.setup()
  client.on_frame(request.on_frame)
  client.on_recovered(request.ask_again)
  create_autocommands()
  if again then
    M.restart()
  else
    client.attach_all()
  end
end

--- `setup()` with the defaults, unless it ran.
function M.setup_once()
  if not is_set_up then
    M.setup()
  end
end

--- Accepts the suggestion or a part of it; says whether there was one.
---@param part? 'all'|'word'|'line'
---@return boolean
function M.accept(part)
  return shown.accept(part or 'all')
end

--- Hides the suggestion until the text changes.
function M.dismiss()
  request.dismiss()
end

--- Shows the next suggestion, where the server gave several.
function M.next()
  shown.cycle(1)
end

--- Shows the previous suggestion, where the server gave several.
function M.previous()
  shown.cycle(-1)
end

--- Asks for a suggestion now.
function M.trigger()
  request.trigger()
end

--- Whether a suggestion can be accepted, for mappings of one's own.
---@return boolean
function M.can_accept()
  return shown.can_accept()
end

--- Turns suggestions on, in all buffers.
function M.enable()
  M.setup_once()
  config.current.enable = true
  client.attach_all()
end

--- Turns suggestions off, and stops the server.
function M.disable()
  config.current.enable = false
  request.clear()
  client.stop()
end

--- Turns suggestions on or off: in all buffers, or in this one only; says which.
---@param in_buffer? boolean
function M.toggle(in_buffer)
  local was_on = config.current.enable
  if in_buffer then
    was_on = vim.b.quicksilver_enable ~= false
    vim.b.quicksilver_enable = not was_on
  end
  if in_buffer and was_on then
    request.clear()
  elseif in_buffer then
    client.attach(vim.api.nvim_get_current_buf())
  elseif was_on then
    M.disable()
  else
    M.enable()
  end
  status.changed()
  local where = in_buffer and ' in this buffer' or ''
  vim.api.nvim_echo({ { ('quicksilver: %s%s'):format(was_on and 'off' or 'on', where) } }, true, {})
end

--- Takes another model, by its name or folder; without one, says which one answers.
---@param name? string
function M.model(name)
  if name then
    config.current.model = name
    M.restart()
  else
    vim.api.nvim_echo({ { 'model: ' .. (status.get().model or 'not known yet') } }, true, {})
  end
end

--- Stops the server and starts it anew.
function M.restart()
  request.clear()
  client.restart()
end

--- For a status line: `qs`, `qs 3/8`, or `qs: ` and why nothing shows.
---@return string
function M.statusline()
  return status.statusline()
end

--- Why nothing shows in `bufnr`, or nil.
---@param bufnr? integer
---@return string?
function M.reason(bufnr)
  return status.reason(bufnr)
end

--- Prints the whole state, the model as the server names it by now.
function M.show_status()
  local function show()
    vim.api.nvim_echo({ { table.concat(status.report(), '\n') } }, true, {})
  end
  if status.get().client == 'running' then
    client.learn_model(nil, show)
  else
    show()
  end
end

--- Opens the log that holds what the server writes on stderr.
function M.show_log()
  vim.cmd.split(vim.fn.fnameescape(vim.lsp.log.get_filename()))
  vim.cmd('normal! G')
end

return M
