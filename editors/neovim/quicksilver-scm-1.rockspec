rockspec_format = '3.0'
package = 'quicksilver'
version = 'scm-1'
-- Made from the folder that it lies in: `luarocks make`.
source = { url = 'git+file://.' }
description = {
  summary = 'Ghost text from a masked-diffusion model, for Neovim 0.12 and later',
  license = 'MIT OR Apache-2.0',
  labels = { 'neovim' },
}
dependencies = { 'lua >= 5.1' }
build = {
  type = 'builtin',
  copy_directories = { 'doc', 'plugin' },
  modules = {
    ['quicksilver.binary'] = 'lua/quicksilver/binary.lua',
    ['quicksilver.client'] = 'lua/quicksilver/client.lua',
    ['quicksilver.commands'] = 'lua/quicksilver/commands.lua',
    ['quicksilver.config'] = 'lua/quicksilver/config.lua',
    ['quicksilver.definitions'] = 'lua/quicksilver/definitions.lua',
    ['quicksilver.fill'] = 'lua/quicksilver/fill.lua',
    ['quicksilver.ghost'] = 'lua/quicksilver/ghost.lua',
    ['quicksilver.health'] = 'lua/quicksilver/health.lua',
    ['quicksilver'] = 'lua/quicksilver/init.lua',
    ['quicksilver.keymaps'] = 'lua/quicksilver/keymaps.lua',
    ['quicksilver.preview'] = 'lua/quicksilver/preview.lua',
    ['quicksilver.protocol'] = 'lua/quicksilver/protocol.lua',
    ['quicksilver.request'] = 'lua/quicksilver/request.lua',
    ['quicksilver.restart'] = 'lua/quicksilver/restart.lua',
    ['quicksilver.settings'] = 'lua/quicksilver/settings.lua',
    ['quicksilver.shown'] = 'lua/quicksilver/shown.lua',
    ['quicksilver.status'] = 'lua/quicksilver/status.lua',
    ['quicksilver.suggestion'] = 'lua/quicksilver/suggestion.lua',
  },
}
