package main

import (
	"io"

	"github.com/spf13/cobra"
)

// bashAlone takes the place of what cobra's script for bash has from the package
// bash-completion, on systems that have it not. Words are split at blanks alone: bash
// itself would also split at the colons of endpoints and at equal signs.
const bashAlone = `
if ! declare -F _get_comp_words_by_ref >/dev/null; then
    __mittere_init_completion() {
        local line="${COMP_LINE:0:COMP_POINT}"
        read -ra words <<<"$line"
        [[ $line == *[[:space:]] ]] && words+=("")
        cword=$((${#words[@]} - 1))
        cur="${words[cword]}" prev="${words[cword > 0 ? cword - 1 : 0]}"
    }
fi
`

// writeBash writes the script for bash.
func writeBash(root *cobra.Command, w io.Writer) error {
	err := root.GenBashCompletionV2(w, true)
	if err == nil {
		_, err = io.WriteString(w, bashAlone)
	}
	return err
}
