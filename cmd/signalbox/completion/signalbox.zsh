#compdef signalbox

# Completion of signalbox for zsh. To enable it in the current shell, after compinit:
#
#	source <(signalbox completion zsh)
#
# To enable it in all shells, save it as _signalbox in a directory of $fpath.

_signalbox() {
	local line item
	local -a lines items descriptions
	lines=("${(@f)$(GO_FLAGS_COMPLETION=verbose "${words[1]}" "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ $lines[1] == :files ]]; then
		compset -P '--*='
		_files
		return
	fi

	for line in $lines; do
		item=${line%%$'\t'*}
		items+=("$item")
		if [[ $line == *$'\t'* ]]; then
			descriptions+=("${item//:/\\:}:${line#*$'\t'}")
		else
			descriptions+=("${item//:/\\:}")
		fi
	done
	_describe signalbox descriptions items
}

if [[ $funcstack[1] == _signalbox ]]; then
	_signalbox "$@"
else
	compdef _signalbox signalbox
fi
