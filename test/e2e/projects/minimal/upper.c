#include <locale.h>
#include <stdio.h>
#include <wchar.h>
#include <wctype.h>

int main(void) {
  if (setlocale(LC_ALL, "C.UTF-8") == NULL) {
    puts("no such locale");
    return 1;
  }
  for (wint_t c = getwchar(); c != WEOF; c = getwchar()) putwchar((wchar_t)towupper(c));
  return 0;
}
