#compdef difflab
# Completion of difflab for zsh.
_difflab() {
    local line value help
    local -a whole open
    # What zsh has to expand first is a path.
    if [[ $PREFIX == [~\$]* ]]; then
        _files
        return
    fi
    for line in "${(@f)$(ASKED=zsh difflab -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        value=${line%%$'\t'*}
        [[ -z $value ]] && continue
        help=
        [[ $line == *$'\t'* ]] && help=${line#*$'\t'}
        line=${value//\\/\\\\}
        line=${line//:/\\:}${help:+:$help}
        # No space behind a key or a folder: something follows.
        if [[ $value == *[=/] ]]; then open+=("$line"); else whole+=("$line"); fi
    done
    (( $#open )) && _describe -V 'values' open -S ''
    (( $#whole )) && _describe -V 'values' whole
}
if [[ $funcstack[1] == _difflab ]]; then
    _difflab "$@"
else
    compdef _difflab difflab
fi
