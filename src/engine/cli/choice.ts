import { InvalidArgumentError, Option } from 'commander';

/** An option that takes one of a few words: they stand in its help, are checked, and are completed. */
export function choice(flags: string, about: string, words: readonly string[]): Option {
  const list = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  return new Option(flags, `${about}: ${list}`).choices(words).argParser((word: string) => {
    if (!words.includes(word)) throw new InvalidArgumentError(`It takes ${list}.`);
    return word;
  });
}
