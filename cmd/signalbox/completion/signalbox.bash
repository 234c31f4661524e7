# Completion of signalbox for bash. To enable it in the current shell:
#
#	source <(signalbox completion bash)
#
# To enable it in all shells, save it as /etc/bash_completion.d/signalbox, or for one
# user as ~/.local/share/bash-completion/completions/signalbox.

_signalbox() {
	local IFS=$'\n' reply
	reply=$(GO_FLAGS_COMPLETION=1 "${COMP_WORDS[0]}" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	if [[ $reply == :files ]]; then
		local word=${COMP_WORDS[COMP_CWORD]}
		compopt -o filenames
		COMPREPLY=($(compgen -f -- "${word#=}"))
	else
		COMPREPLY=($reply)
	fi
}

complete -F _signalbox signalbox
