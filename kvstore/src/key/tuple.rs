//! Tuples of one to six keys, arguments for them, and their leading parts as prefixes.

use super::hidden::{KeyArgCodec, KeyArgPart, KeyBuf, KeyCodec, KeyError, KeyPrefixCodec};
use super::{Key, KeyArg, KeyPrefix, Prefix, Shape};

/// One tuple type: `parts` are all but the last.
macro_rules! tuple_key {
    ($($part:ident $part_arg:ident $part_index:tt),* ; $last:ident $last_arg:ident $last_index:tt) => {
        impl<$($part: Key,)* $last: Key> KeyCodec for ($($part,)* $last,) {
            type Root = Self;
            const CONVERTS: bool = $($part::CONVERTS ||)* $last::CONVERTS;
            fn encode_last(&self, out: &mut KeyBuf) {
                $(self.$part_index.encode_part(out);)*
                self.$last_index.encode_last(out);
            }
            fn encode_part(&self, out: &mut KeyBuf) {
                $(self.$part_index.encode_part(out);)*
                self.$last_index.encode_part(out);
            }
            #[allow(unused_mut, reason = "a tuple of one has no part before its last")]
            fn decode_last(mut bytes: &[u8]) -> Result<Self, KeyError> {
                Ok(($($part::decode_part(&mut bytes)?,)* $last::decode_last(bytes)?,))
            }
            fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
                Ok(($($part::decode_part(bytes)?,)* $last::decode_part(bytes)?,))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($part: Key,)* $last: Key> Key for ($($part,)* $last,) {
            const SHAPE: Shape = Shape::Tuple { parts: &[$($part::SHAPE,)* $last::SHAPE] };
        }

        impl<$($part: Key, $part_arg: KeyArg<$part>,)* $last: Key, $last_arg: KeyArg<$last>>
            KeyArgCodec<($($part,)* $last,)> for ($($part_arg,)* $last_arg,)
        {
            #[inline]
            fn encode_arg_last(&self, out: &mut KeyBuf) {
                $(self.$part_index.encode_arg_part(out);)*
                self.$last_index.encode_arg_last(out);
            }
        }

        impl<$($part: Key, $part_arg: KeyArg<$part>,)* $last: Key, $last_arg: KeyArg<$last>>
            KeyArgPart<($($part,)* $last,)> for ($($part_arg,)* $last_arg,)
        {
            #[inline]
            fn encode_arg_part(&self, out: &mut KeyBuf) {
                $(self.$part_index.encode_arg_part(out);)*
                self.$last_index.encode_arg_part(out);
            }
        }

        // All parts, of the last of them its beginning.
        impl<$($part: Key, $part_arg: KeyArg<$part>,)* $last: Key, $last_arg: KeyPrefix<$last>>
            KeyPrefixCodec<($($part,)* $last,)> for ($($part_arg,)* Prefix<$last_arg>,)
        {
            fn encode_prefix(&self, out: &mut KeyBuf) {
                $(self.$part_index.encode_arg_part(out);)*
                self.$last_index.0.encode_prefix(out);
            }
            fn encode_prefix_part(&self, out: &mut KeyBuf) {
                $(self.$part_index.encode_arg_part(out);)*
                self.$last_index.0.encode_prefix_part(out);
            }
        }
    };
}

tuple_key!(; A X 0);
tuple_key!(A X 0; B Y 1);
tuple_key!(A X 0, B Y 1; C Z 2);
tuple_key!(A X 0, B Y 1, C Z 2; D W 3);
tuple_key!(A X 0, B Y 1, C Z 2, D W 3; E V 4);
tuple_key!(A X 0, B Y 1, C Z 2, D W 3, E V 4; F U 5);

/// Leading parts as a prefix of a longer tuple: whole, but for the last, which may be the beginning of a part.
macro_rules! tuple_prefix {
    ($($part:ident $arg:ident $index:tt,)* | $end:ident $end_arg:ident $end_index:tt ; $($rest:ident),+) => {
        impl<$($part: Key, $arg: KeyArg<$part>,)* $end: Key, $end_arg: KeyArgPart<$end>, $($rest: Key),+>
            KeyPrefixCodec<($($part,)* $end, $($rest,)+)> for ($($arg,)* $end_arg,)
        {
            fn encode_prefix(&self, out: &mut KeyBuf) {
                $(self.$index.encode_arg_part(out);)*
                self.$end_index.encode_arg_part(out);
            }
        }
    };
}

tuple_prefix!(| A X 0; B);
tuple_prefix!(| A X 0; B, C);
tuple_prefix!(| A X 0; B, C, D);
tuple_prefix!(| A X 0; B, C, D, E);
tuple_prefix!(| A X 0; B, C, D, E, F);
tuple_prefix!(A X 0, | B Y 1; C);
tuple_prefix!(A X 0, | B Y 1; C, D);
tuple_prefix!(A X 0, | B Y 1; C, D, E);
tuple_prefix!(A X 0, | B Y 1; C, D, E, F);
tuple_prefix!(A X 0, B Y 1, | C Z 2; D);
tuple_prefix!(A X 0, B Y 1, | C Z 2; D, E);
tuple_prefix!(A X 0, B Y 1, | C Z 2; D, E, F);
tuple_prefix!(A X 0, B Y 1, C Z 2, | D W 3; E);
tuple_prefix!(A X 0, B Y 1, C Z 2, | D W 3; E, F);
tuple_prefix!(A X 0, B Y 1, C Z 2, D W 3, | E V 4; F);
