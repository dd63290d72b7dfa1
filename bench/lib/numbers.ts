/** Reads a whole number above zero from the command line. @throws Error naming the option. */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${option} must be a whole number above zero, not "${text}"`);
}
