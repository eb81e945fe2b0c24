// A candidate that ends with a space is a complete word; the user continues to type the others.
// Shells that break words at `=` receive only the part after it. File names are completed after
// `@`.

const BASH = `# keymgmt completion for bash: eval "$(keymgmt completion bash)"
_keymgmt() {
    local IFS=$'\\n' word="\${COMP_LINE:0:COMP_POINT}"
    word="\${word##*[[:space:]]}"
    COMPREPLY=()
    [[ $word == *@* ]] && return
    compopt +o default 2>/dev/null
    COMPREPLY=($(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" "$1" 2>/dev/null))
}
complete -o nospace -o default -F _keymgmt keymgmt
`

const ZSH = `#compdef keymgmt
# keymgmt completion for zsh: keymgmt completion zsh > "\${fpath[1]}/_keymgmt"
_keymgmt() {
    local -a candidates whole open
    local candidate line="\${(j: :)words[1,CURRENT-1]} $PREFIX"
    if [[ $PREFIX == *@* ]]; then
        compset -P '*@'
        _files
        return
    fi
    candidates=("\${(@f)$(COMP_LINE="$line" COMP_POINT="\${#line}" "\${words[1]}" 2>/dev/null)}")
    compset -P '*='
    for candidate in "\${candidates[@]}"; do
        case $candidate in
            '') ;;
            *' ') whole+=("\${candidate% }") ;;
            *) open+=("$candidate") ;;
        esac
    done
    (( \${#whole} )) && compadd -- "\${whole[@]}"
    (( \${#open} )) && compadd -S '' -- "\${open[@]}"
    (( \${#whole} + \${#open} ))
}
if [[ "\${funcstack[1]}" == _keymgmt ]]; then
    _keymgmt "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
    compdef _keymgmt keymgmt
fi
`

const FISH = `# keymgmt completion for fish: keymgmt completion fish > ~/.config/fish/completions/keymgmt.fish
function __keymgmt_complete
    set -l word (commandline -ct)
    set -l before (string replace -r '[^=]*$' '' -- $word)
    set -lx COMP_LINE (commandline -cp)
    keymgmt 2>/dev/null | while read -l candidate
        echo $before(string trim -r -- $candidate)
    end
end
function __keymgmt_wants_file
    string match -q '*@*' -- (commandline -ct)
end
complete -c keymgmt -n 'not __keymgmt_wants_file' -f -a '(__keymgmt_complete)'
`

/** The script of each shell. */
export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const

/** The name of a shell. */
export type Shell = keyof typeof SCRIPTS
