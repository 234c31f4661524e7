# Completion of signalbox for fish. To enable it in the current shell:
#
#	signalbox completion fish | source
#
# To enable it in all shells, save it as ~/.config/fish/completions/signalbox.fish.

function __signalbox_complete
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l token (commandline --current-token --cut-at-cursor)
    set -l lines (GO_FLAGS_COMPLETION=verbose $words[1] $words[2..] "$token" 2>/dev/null)
    if test "$lines" = :files
        set -l flag (string match --regex '^--[^=]*=' -- "$token")
        for path in (__fish_complete_path (string replace --regex '^--[^=]*=' '' -- "$token"))
            echo "$flag$path"
        end
    else
        printf '%s\n' $lines
    end
end

complete --command signalbox --no-files --arguments '(__signalbox_complete)'
