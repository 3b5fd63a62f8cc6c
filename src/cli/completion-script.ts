const BASH = `# bash completion for forge
_forge() {
  local line=\${COMP_LINE:0:COMP_POINT} current value extra match
  local -a words=() found=()
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[\${#words[@]}-1]}
  while IFS=$'\\t' read -r value extra; do
    case $value in
      :file)
        compopt -o filenames
        while IFS= read -r match; do found+=("$extra$match"); done < <(compgen -f -- "\${current#"$extra"}") ;;
      :directory)
        compopt -o filenames
        while IFS= read -r match; do found+=("$extra$match"); done < <(compgen -d -- "\${current#"$extra"}") ;;
      *) found+=("$value") ;;
    esac
  done < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  # bash takes = and : for ends of words: what stands before them is there already
  local typed=\${current%"\${current##*[$COMP_WORDBREAKS]}"}
  COMPREPLY=("\${found[@]#"$typed"}")
}
complete -F _forge forge
`;

const ZSH = `#compdef forge
# zsh completion for forge
_forge() {
  local line value extra
  local -a described
  for line in "\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    value=\${line%%$'\\t'*} extra=\${line#*$'\\t'}
    case $value in
      '') ;;
      :file) compset -P "$extra"; _files ;;
      :directory) compset -P "$extra"; _files -/ ;;
      *) described+=("\${value//:/\\\\:}:$extra") ;;
    esac
  done
  (( $#described )) && _describe forge described
}
if [ "$funcstack[1]" = _forge ]; then _forge; else compdef _forge forge; fi
`;

const FISH = `# fish completion for forge
function __forge_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete $words[2..] "$current" 2>/dev/null)
        set -l parts (string split -m 1 \\t -- $line)
        switch $parts[1]
            case :file
                string replace -r '^' -- "$parts[2]" (__fish_complete_path (string replace -- "$parts[2]" '' "$current"))
            case :directory
                string replace -r '^' -- "$parts[2]" (__fish_complete_directories (string replace -- "$parts[2]" '' "$current"))
            case '*'
                echo $line
        end
    end
end
complete -c forge -f -a '(__forge_complete)'
`;

/** What a shell runs to offer forge's words; all it knows it asks of \`forge __complete\`. */
export const COMPLETION_SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
