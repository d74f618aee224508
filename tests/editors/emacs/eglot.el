;;; eglot.el --- Emacs with eglot, as editors/README.md configures it -*- lexical-binding: t -*-

;;   SAMPLE=FOLDER emacs --batch -L EGLOT -l eglot.el
;;
;; Opens shop.rs of FOLDER, types the start of a name, and prints what the completion popup would offer.

(require 'eglot)
;; Emacs 28 brings no mode for Rust.
(define-derived-mode rust-mode prog-mode "Rust")
(add-to-list 'auto-mode-alist '("\\.rs\\'" . rust-mode))
(add-to-list 'eglot-server-programs
             '(rust-mode . ("quicksilver" "lsp" :initializationOptions (:quicksilver (:showUnsure t)))))
(setq eglot-sync-connect 10)
(find-file (concat (getenv "SAMPLE") "/shop.rs"))
(apply #'eglot (eglot--guess-contact))
(goto-char (point-min))
(forward-line 22)
(insert "            let pieces = s")
(eglot--signal-textDocument/didChange)
(sleep-for 1)
(let ((offered (all-completions "s" (nth 2 (eglot-completion-at-point)))))
  (princ (format "offered: %S\n" offered))
  (set-buffer-modified-p nil)
  (kill-emacs (if offered 0 1)))
