/** A URL as it may be shown: without user name, password and what a query may hold of secrets. */
export function redactUrl(text: string): string {
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')
    .replace(/([?&](?:[^=&#]*(?:token|secret|password|signature|sig|key)[^=&#]*))=[^&#]*/gi, '$1=REDACTED');
}
