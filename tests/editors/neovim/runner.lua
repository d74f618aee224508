--- Runs test files in a headless Neovim: `nvim --headless -u init.lua -c 'luafile runner.lua'`, the files in
--- $SPECS. Each test is a coroutine, so that it can wait while the editor's main loop runs. Prints a line for
--- each and the count, and ends Neovim with the exit code.

local WAIT_MS = tonumber(vim.env.WAIT_MS) or 20000
local POLL_MS = 10

---@type { name: string, run: fun() }[]
local tests = {}

---@param name string
---@param run fun()
function _G.it(name, run)
  tests[#tests + 1] = { name = name, run = run }
end

---@param what string
---@param actual any
---@param expected any
function _G.equal(what, actual, expected)
  if not vim.deep_equal(actual, expected) then
    error(('%s\n    is       %s\n    expected %s'):format(what, vim.inspect(actual), vim.inspect(expected)), 2)
  end
end

--- Lets the editor run until `ready` gives something true, and returns that.
---@generic T
---@param what string
---@param ready fun(): T
---@return T
function _G.wait_for(what, ready)
  local thread = coroutine.running()
  local give_up = vim.uv.now() + WAIT_MS
  while true do
    local value = ready()
    if value then
      return value
    end
    if vim.uv.now() > give_up then
      error(('waited %d ms for %s'):format(WAIT_MS, what), 2)
    end
    vim.defer_fn(function()
      coroutine.resume(thread)
    end, POLL_MS)
    coroutine.yield()
  end
end

--- Lets the editor run for `ms`.
---@param ms integer
function _G.pause(ms)
  local thread = coroutine.running()
  vim.defer_fn(function()
    coroutine.resume(thread)
  end, ms)
  coroutine.yield()
end

--- Types `keys` as a user would, and waits until they are processed.
---@param keys string
function _G.type_keys(keys)
  vim.api.nvim_input(keys)
  pause(40)
end

local function run_all()
  local failed = 0
  local out = function(line)
    io.stdout:write(line, '\n')
  end
  coroutine.wrap(function()
    for _, test in ipairs(tests) do
      local done, ok, problem = false, nil, nil
      local main = coroutine.running()
      local waiting = false
      coroutine.wrap(function()
        ok, problem = xpcall(test.run, debug.traceback)
        done = true
        if waiting then
          vim.schedule(function()
            coroutine.resume(main)
          end)
        end
      end)()
      if not done then
        waiting = true
        coroutine.yield()
      end
      out(('%s  %s'):format(ok and 'ok  ' or 'FAIL', test.name))
      if not ok then
        failed = failed + 1
        out('    ' .. tostring(problem):gsub('\n', '\n    '))
      end
    end
    out(('%d passed, %d failed'):format(#tests - failed, failed))
    io.stdout:flush()
    vim.cmd(failed == 0 and 'qall!' or 'cquit 1')
  end)()
end

for _, file in ipairs(vim.split(vim.env.SPECS, ' ', { trimempty = true })) do
  dofile(file)
end
vim.schedule(run_all)
