/** Words that parsers of numbers and ranges trip over, in groups that makers of random commands put together. */

/** No numbers; what bounds of ranges begin with. */
export const BARE_SIGNS = ["", " ", "\0", "-", "+", "(", "["] as const;

/** Small numbers, written as integers must not be, but for 0. */
export const NOTATIONS = ["0", "-0", "+1", "01", " 1", "1 ", "1\0", "0x10", "1e3", "1.0", ".5", "5."] as const;

/** At and beyond the limits of integers of 64 and 32 bits. */
export const LIMITS_OF_INTEGERS = [
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "-9223372036854775809",
  "18446744073709551615",
  "18446744073709551616",
  "4611686018427387904",
  "4294967296",
  "2147483648",
  "-2147483649",
] as const;

/** What is stored as an integer and what is not, on both sides of each size that listpacks and intsets know. */
export const INTEGERS_AND_NOT = [
  "",
  "0",
  "-0",
  "00",
  "01",
  "+1",
  " 1",
  "1 ",
  "1.0",
  "-",
  "127",
  "128",
  "-128",
  "4095",
  "4096",
  "-4097",
  "32767",
  "32768",
  "-32769",
  "8388607",
  "8388608",
  "2147483647",
  "2147483648",
  "-2147483648",
  "-2147483649",
  "9007199254740991",
  "9007199254740993",
  "-9007199254740993",
  "9223372036854775807",
  "-9223372036854775808",
  "9223372036854775808",
  "99999999999999999999",
] as const;

/** No text: bytes that end a C string, and such as no UTF-8 has. */
export const BARE_BYTES = ["\0", "a\0b", "\xff\xfe"] as const;
