-- What lazy.nvim reads of a plugin's own: it starts with the editor, for it attaches to the first file, and needs no options.
return { lazy = false, opts = {} }
