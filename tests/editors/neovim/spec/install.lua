--- The plugin as it is installed, each time in a fresh child Neovim: what a new user's configuration may say, in any
--- order. No server: suggestions are off.

local PLUGIN = vim.env.PLUGIN

--- Runs a child Neovim with Lua for its configuration and Lua that gives what is looked at, once it has started.
---@param configuration string
---@param look string a Lua expression
---@return string what the child said of it
local function child(configuration, look)
  local command = {
    vim.v.progpath, '--clean', '--headless', '-n',
    '--cmd', 'lua ' .. configuration,
    '-c', ('lua vim.defer_fn(function() io.stdout:write(tostring(%s)) vim.cmd("qall!") end, 200)'):format(look),
  }
  local done
  vim.system(command, { text = true, timeout = 20000 }, function(result)
    done = result
  end)
  wait_for('the child', function()
    return done
  end)
  return done.stdout .. done.stderr
end

local ON_PATH = ('vim.opt.runtimepath:prepend(%q) '):format(PLUGIN)
local SETUP = 'require("quicksilver").setup({ enable = false }) '
--- As copilot.vim does: maps Tab when the editor has started.
local LATE_TAB = 'vim.api.nvim_create_autocmd("VimEnter", { callback = function() vim.keymap.set("i", "<Tab>", "theirs", { desc = "theirs" }) end }) '
local TAB = 'vim.fn.maparg("<Tab>", "i", false, true).desc'

it('on the runtime path it starts by itself, with its command and its keys', function()
  equal('keys', child(ON_PATH, TAB), 'Quicksilver: accept')
  equal('command', child(ON_PATH, 'vim.fn.exists(":Quicksilver")'), '2')
end)

it('a plugin that maps Tab as the editor starts does not take it away, wherever setup() is called', function()
  for _, configuration in ipairs({ ON_PATH .. SETUP .. LATE_TAB, ON_PATH .. LATE_TAB .. SETUP, ON_PATH .. LATE_TAB }) do
    equal(configuration, child(configuration, TAB), 'Quicksilver: accept')
  end
end)

it('where nothing shows, that plugin gets its Tab', function()
  local typed = 'vim.api.nvim_feedkeys(vim.keycode("ia<Tab>b<Esc>"), "mx", false) or vim.api.nvim_get_current_line()'
  equal('line', child(ON_PATH .. SETUP .. LATE_TAB, typed), 'atheirsb')
end)

it('where nothing shows, a key with Alt writes nothing into the text', function()
  local typed = 'vim.api.nvim_feedkeys(vim.keycode("ia<M-]><M-[><M-\\\\>b<Esc>"), "mx", false) or vim.api.nvim_get_current_line()'
  equal('line', child(ON_PATH .. SETUP, typed), 'ab')
end)

it(':help quicksilver is there without any further command', function()
  equal('help', child(ON_PATH, 'vim.cmd("help quicksilver") .. vim.fn.expand("%:t")'), 'quicksilver.txt')
end)

it("the help's list of tags is that of the help", function()
  local copy = vim.fn.tempname()
  vim.fn.mkdir(copy, 'p')
  vim.fn.writefile(vim.fn.readfile(PLUGIN .. '/doc/quicksilver.txt'), copy .. '/quicksilver.txt')
  vim.cmd.helptags(copy)
  equal('tags', vim.fn.readfile(PLUGIN .. '/doc/tags'), vim.fn.readfile(copy .. '/tags'))
end)

it('the documented status line shows a percent sign once', function()
  local help = table.concat(vim.fn.readfile(PLUGIN .. '/doc/quicksilver.txt'), '\n')
  local documented = assert(help:match('set statusline=(%%[^\n]+)'))
  local state = 'package.loaded["quicksilver.status"].reason'
  local configuration = ON_PATH .. SETUP .. ('require("quicksilver.status") %s = function() return "not sure enough (6 %%)" end '):format(state)
  local shown = ('vim.api.nvim_eval_statusline(%q, {}).str'):format(documented:gsub('\\ ', ' '))
  equal('status line', child(configuration, shown):match('qs: .*'), 'qs: not sure enough (6 %)')
end)

--- What the child's `:checkhealth` complains of.
---@param configuration string
---@return string
local function complaints(configuration)
  local lines = 'vim.iter(vim.api.nvim_buf_get_lines(0, 0, -1, false)):filter(function(line) return line:find("WARNING") or line:find("ERROR") end):join("\\n")'
  return child(configuration, 'vim.cmd("silent checkhealth quicksilver") .. ' .. lines)
end

it(':checkhealth has nothing to say of the keys and settings as they come', function()
  local said = complaints(ON_PATH .. SETUP)
  equal('settings and keys', said:match('mapped to something else') or said:match('takes'), nil)
  equal('the rest', said:match('the server is stopped') ~= nil, true)
end)

it(':checkhealth names each setting that is wrong, and each key that is taken', function()
  local wrong = ON_PATH .. 'require("quicksilver").setup({ enable = false, deadlineMs = 1, nonsense = 3 }) '
  local said = complaints(wrong .. 'vim.defer_fn(function() vim.keymap.set("n", "<M-f>", "x") end, 100) ')
  for _, expected in ipairs({ '"deadlineMs" takes 10 to 10000', 'there is no setting "nonsense"', 'fill: <M-f> is mapped to something else' }) do
    equal(expected, said:find(expected, 1, true) ~= nil, true)
  end
end)
