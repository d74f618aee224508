--- Every setting, made from the server's table by `server/tests/settings.rs`: `UPDATE_EXPECT=1 cargo test` writes it
--- anew. Owns names, kinds and defaults; checks nothing.

---@class quicksilver.Config
---@field enable boolean Suggest at all.
---@field disabledLanguages string[] Languages without suggestions, such as `markdown`.
---@field endpoint? string An engine that runs elsewhere; without it this machine's own is started or joined. User settings only.
---@field keyFile? string File with the key for `endpoint`; without it the environment's `QUICKSILVER_KEY` counts. User settings only.
---@field model? string The model, such as `Dream-org/DreamOn-v0-7B` after `quicksilver model pull` of it; without it the embedded one. User settings only.
---@field device string Where the engine computes. User settings only.
---@field weights string How the CPU holds a model's weights: as they are stored, or rounded to int8, which is faster and smaller; `auto` rounds models of 100 million parameters or more. User settings only.
---@field vicinity integer|'auto' With a model that sees both ways: context rows either side of the hole that each denoise step reads anew, the others being kept; faster, and approximate. `auto` reads all of them, unless the model's config says otherwise. User settings only.
---@field debounceMs integer|'auto' Wait for further keystrokes before asking the engine: `auto` by the rhythm of typing, and not at all while the engine answers within 30 ms; 0 never.
---@field deadlineMs integer Time for an answer; then the best state so far is shown, or nothing.
---@field span 'auto'|'rest'|'line'|'block' What to fill: by syntax, to the end of the line, a whole line, or until the block ends.
---@field multiline boolean Suggestions may have several lines.
---@field showUnsure boolean Also show, unasked, what the engine is not sure of.
---@field maxFps integer Frames a second of a span being refined, for editors that draw them.
---@field lookAhead boolean Ask this machine's engine for what follows a suggestion while it is shown.
---@field exclude string[] Files that are never sent to an engine, besides secrets and what `.gitignore` names.
---@field automatic boolean Ask while typing; off: only on the trigger key.
---@field definitions boolean Ask the language's own server where names near the cursor are defined, and tell the model of those that lie in the workspace.
---@field refinement 'off'|'first'|'full' Show the span while it is refined: not at all, its first step only, or every step.
---@field maskGlyph string Stands for a character that is still masked.
---@field binary? string The `quicksilver` executable; without it the one that came with the editor's plugin, else the one in `PATH`. User settings only.
---@field keys table<string, string|false> The keys; `false` for none.
---@field popupMenu 'show'|'hide' Ghost text while a completion menu is open.
---@field rootMarkers string[] What marks the folder that is the workspace.

---@class quicksilver.Setting
---@field name string
---@field kind 'boolean'|'integer'|'choice'|'list'|'table'|'string'|'cell'
---@field least? integer
---@field most? integer
---@field word? string in the place of a number
---@field choices? string[]
---@field default any
---@field server boolean whether the server has it, rather than only the editor
---@field takes string in words
---@field doc string

---@type quicksilver.Setting[]
return {
  { name = 'enable', kind = 'boolean', default = true, server = true, takes = 'true or false', doc = 'Suggest at all.' },
  { name = 'disabledLanguages', kind = 'list', default = { 'git-commit', 'git-rebase' }, server = true, takes = 'a list of language ids', doc = 'Languages without suggestions, such as `markdown`.' },
  { name = 'endpoint', kind = 'string', default = nil, server = true, takes = '`https://HOST`, `http://127.0.0.1:PORT` or `unix:PATH`', doc = "An engine that runs elsewhere; without it this machine's own is started or joined. User settings only." },
  { name = 'keyFile', kind = 'string', default = nil, server = true, takes = 'a path', doc = "File with the key for `endpoint`; without it the environment's `QUICKSILVER_KEY` counts. User settings only." },
  { name = 'model', kind = 'string', default = nil, server = true, takes = 'a folder, or the ID of a pulled model', doc = 'The model, such as `Dream-org/DreamOn-v0-7B` after `quicksilver model pull` of it; without it the embedded one. User settings only.' },
  { name = 'device', kind = 'string', default = 'auto', server = true, takes = '`auto`, `cpu` or `cuda:N`', doc = 'Where the engine computes. User settings only.' },
  { name = 'weights', kind = 'string', default = 'auto', server = true, takes = '`auto`, `stored` or `int8`', doc = "How the CPU holds a model's weights: as they are stored, or rounded to int8, which is faster and smaller; `auto` rounds models of 100 million parameters or more. User settings only." },
  { name = 'vicinity', kind = 'integer', least = 0, most = 4096, word = 'auto', default = 'auto', server = true, takes = '`auto` or 0 to 4096', doc = "With a model that sees both ways: context rows either side of the hole that each denoise step reads anew, the others being kept; faster, and approximate. `auto` reads all of them, unless the model's config says otherwise. User settings only." },
  { name = 'debounceMs', kind = 'integer', least = 0, most = 5000, word = 'auto', default = 'auto', server = true, takes = '`auto` or 0 to 5000', doc = 'Wait for further keystrokes before asking the engine: `auto` by the rhythm of typing, and not at all while the engine answers within 30 ms; 0 never.' },
  { name = 'deadlineMs', kind = 'integer', least = 10, most = 10000, default = 2000, server = true, takes = '10 to 10000', doc = 'Time for an answer; then the best state so far is shown, or nothing.' },
  { name = 'span', kind = 'choice', choices = { 'auto', 'rest', 'line', 'block' }, default = 'auto', server = true, takes = '`auto`, `rest`, `line` or `block`', doc = 'What to fill: by syntax, to the end of the line, a whole line, or until the block ends.' },
  { name = 'multiline', kind = 'boolean', default = true, server = true, takes = 'true or false', doc = 'Suggestions may have several lines.' },
  { name = 'showUnsure', kind = 'boolean', default = false, server = true, takes = 'true or false', doc = 'Also show, unasked, what the engine is not sure of.' },
  { name = 'maxFps', kind = 'integer', least = 0, most = 120, default = 30, server = true, takes = '0 to 120', doc = 'Frames a second of a span being refined, for editors that draw them.' },
  { name = 'lookAhead', kind = 'boolean', default = true, server = true, takes = 'true or false', doc = "Ask this machine's engine for what follows a suggestion while it is shown." },
  { name = 'exclude', kind = 'list', default = {}, server = true, takes = 'a list of globs', doc = 'Files that are never sent to an engine, besides secrets and what `.gitignore` names.' },
  { name = 'automatic', kind = 'boolean', default = true, server = false, takes = 'true or false', doc = 'Ask while typing; off: only on the trigger key.' },
  { name = 'definitions', kind = 'boolean', default = true, server = false, takes = 'true or false', doc = "Ask the language's own server where names near the cursor are defined, and tell the model of those that lie in the workspace." },
  { name = 'refinement', kind = 'choice', choices = { 'off', 'first', 'full' }, default = 'full', server = false, takes = '`off`, `first` or `full`', doc = 'Show the span while it is refined: not at all, its first step only, or every step.' },
  { name = 'maskGlyph', kind = 'cell', default = '░', server = false, takes = 'one character', doc = 'Stands for a character that is still masked.' },
  { name = 'binary', kind = 'string', default = nil, server = false, takes = 'a path', doc = "The `quicksilver` executable; without it the one that came with the editor's plugin, else the one in `PATH`. User settings only." },
  { name = 'keys', kind = 'table', default = { accept = '<Tab>', acceptLine = '<M-Down>', acceptWord = '<M-Right>', dismiss = '<C-]>', fill = '<M-f>', mark = '<M-m>', next = '<M-]>', previous = '<M-[>', rewrite = '<M-r>', trigger = '<M-Bslash>' }, server = false, takes = 'a table of actions and keys', doc = 'The keys; `false` for none.' },
  { name = 'popupMenu', kind = 'choice', choices = { 'show', 'hide' }, default = 'show', server = false, takes = '`show` or `hide`', doc = 'Ghost text while a completion menu is open.' },
  { name = 'rootMarkers', kind = 'list', default = { '.git' }, server = false, takes = 'a list of names', doc = 'What marks the folder that is the workspace.' },
}
