--- Where names near the cursor are defined, as the language's own server says: asked when the cursor rests in insert mode,
--- and told to ours, which reads and judges what stands there. Must not know suggestions; none waits for this.

local client = require('quicksilver.client')
local config = require('quicksilver.config')
local protocol = require('quicksilver.protocol')
local shown = require('quicksilver.shown')

local M = {}

local api = vim.api

--- ms without a move after which the cursor rests.
M.REST_MS = 150
--- ms that all answers together have.
M.LIMIT_MS = 200
--- Names that are asked for, and bytes of the shortest; bytes of a line that are looked at.
M.MOST_NAMES, M.SHORTEST, M.LINE_BYTES = 8, 3, 1000

---@class quicksilver.NearName
---@field name string
---@field row integer from 0
---@field col integer from 0, in bytes

---@class quicksilver.Asking
---@field client vim.lsp.Client
---@field ids table<integer, true> on their way

local rest_timer, limit_timer = assert(vim.uv.new_timer()), assert(vim.uv.new_timer())
---@type quicksilver.Asking?
local asking
--- What is known of one text: locations by name.
---@type { key: string, names: table<string, lsp.Location[]> }
local known = { key = '', names = {} }
---@type any what was told last; nil: nothing
local told

--- The names on the cursor's line, the nearest first, then those of the line above; each once.
---@param bufnr integer
---@param row integer from 0
---@param col integer from 0, in bytes
---@return quicksilver.NearName[]
function M.near(bufnr, row, col)
  local found = {} ---@type { name: string, row: integer, col: integer, far: integer }[]
  for above = 0, math.min(row, 1) do
    local line = (api.nvim_buf_get_lines(bufnr, row - above, row - above + 1, false)[1] or ''):sub(1, M.LINE_BYTES)
    for start, name in line:gmatch('()%f[%w_\128-\255]([%a_\128-\255][%w_\128-\255]*)') do
      if #name >= M.SHORTEST then
        local far = above == 0 and math.min(math.abs(col - start + 1), math.abs(col - start + 1 - #name)) or M.LINE_BYTES + #line - start
        found[#found + 1] = { name = name, row = row - above, col = start - 1, far = far }
      end
    end
  end
  table.sort(found, function(a, b)
    return a.far < b.far or a.far == b.far and a.col > b.col
  end)
  local seen, names = {}, {}
  for _, name in ipairs(found) do
    if not seen[name.name] and #names < M.MOST_NAMES then
      seen[name.name] = true
      names[#names + 1] = { name = name.name, row = name.row, col = name.col }
    end
  end
  return names
end

--- Takes back what is on its way.
function M.cancel()
  rest_timer:stop()
  limit_timer:stop()
  if asking and not asking.client:is_stopped() then
    for id in pairs(asking.ids) do
      asking.client:cancel_request(id)
    end
  end
  asking = nil
end

---@param bufnr integer
---@param version integer
---@param names quicksilver.NearName[]
local function tell(bufnr, version, names)
  local server = client.of(bufnr)
  if not server or vim.lsp.util.buf_versions[bufnr] ~= version then
    return
  end
  local list = {}
  for _, near in ipairs(names) do
    local locations = known.names[near.name]
    if locations and #locations > 0 then
      list[#list + 1] = { name = near.name, locations = locations }
    end
  end
  local uri = vim.uri_from_bufnr(bufnr)
  local now = { server = server.id, uri = uri, names = list }
  if vim.deep_equal(now, told) or (#list == 0 and not told) then
    return
  end
  told = #list > 0 and now or nil
  server:notify(protocol.DEFINITIONS, { textDocument = { uri = uri, version = version }, names = list })
end

local function ask()
  M.cancel()
  local bufnr = api.nvim_get_current_buf()
  local server = client.of(bufnr)
  if not config.current.definitions or not server or not shown.inserting() or config.reason_off(bufnr) then
    return
  end
  local other = vim.iter(vim.lsp.get_clients({ bufnr = bufnr, method = protocol.DEFINITION })):find(function(it)
    return it.name ~= client.NAME and it.initialized and not it:is_stopped()
  end)
  local version = vim.lsp.util.buf_versions[bufnr]
  if not other or not version then
    return
  end
  local key = ('%d %d %d'):format(bufnr, version, other.id)
  if known.key ~= key then
    known = { key = key, names = {} }
  end
  local cursor = api.nvim_win_get_cursor(0)
  local names = M.near(bufnr, cursor[1] - 1, cursor[2])
  local uri = vim.uri_from_bufnr(bufnr)
  local this = { client = other, ids = {} } ---@type quicksilver.Asking
  asking = this
  local left = 1
  local function one_less()
    left = left - 1
    if left == 0 and asking == this then
      limit_timer:stop()
      asking = nil
      tell(bufnr, version, names)
    end
  end
  for _, near in ipairs(names) do
    if not known.names[near.name] then
      local line = api.nvim_buf_get_lines(bufnr, near.row, near.row + 1, false)[1] or ''
      local character = vim.str_utfindex(line, other.offset_encoding, near.col, false)
      local params = { textDocument = { uri = uri }, position = { line = near.row, character = character } }
      left = left + 1
      local id, answered
      local sent
      sent, id = other:request(protocol.DEFINITION, params, function(err, result)
        answered = true
        if id then
          this.ids[id] = nil
        end
        if asking == this and not err and known.key == key then
          known.names[near.name] = protocol.locations(result, uri)
        end
        one_less()
      end, bufnr)
      if not sent then
        one_less()
      elseif id and not answered then
        this.ids[id] = true
      end
    end
  end
  if left > 1 then
    limit_timer:start(
      M.LIMIT_MS,
      0,
      vim.schedule_wrap(function()
        if asking == this then
          M.cancel()
          tell(bufnr, version, names)
        end
      end)
    )
  end
  one_less()
end

--- The text or the cursor may have moved: what is on its way is of no use, and it is asked once the cursor rests.
function M.on_move()
  M.cancel()
  if config.current.definitions then
    rest_timer:start(M.REST_MS, 0, vim.schedule_wrap(ask))
  end
end

return M
