//! Tuples of two to six keys, arguments for them, and their leading parts as prefixes.

use super::hidden::{KeyArgCodec, KeyBuf, KeyCodec, KeyError, KeyPrefixCodec};
use super::{Key, KeyArg, KeyPrefix, Shape};

/// One tuple type: `parts` are all but the last.
macro_rules! tuple_key {
    ($($part:ident $part_arg:ident $part_index:tt),+ ; $last:ident $last_arg:ident $last_index:tt) => {
        impl<$($part: Key,)+ $last: Key> KeyCodec for ($($part,)+ $last,) {
            fn encode_last(&self, out: &mut KeyBuf) {
                $(self.$part_index.encode_part(out);)+
                self.$last_index.encode_last(out);
            }
            fn encode_part(&self, out: &mut KeyBuf) {
                $(self.$part_index.encode_part(out);)+
                self.$last_index.encode_part(out);
            }
            fn decode_last(mut bytes: &[u8]) -> Result<Self, KeyError> {
                Ok(($($part::decode_part(&mut bytes)?,)+ $last::decode_last(bytes)?,))
            }
            fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
                Ok(($($part::decode_part(bytes)?,)+ $last::decode_part(bytes)?,))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($part: Key,)+ $last: Key> Key for ($($part,)+ $last,) {
            const SHAPE: Shape = Shape::Tuple { parts: &[$($part::SHAPE,)+ $last::SHAPE] };
        }

        impl<$($part: Key, $part_arg: KeyArg<$part>,)+ $last: Key, $last_arg: KeyArg<$last>>
            KeyArgCodec<($($part,)+ $last,)> for ($($part_arg,)+ $last_arg,)
        {
            #[inline]
            fn encode_arg_last(&self, out: &mut KeyBuf) {
                $(self.$part_index.encode_arg_part(out);)+
                self.$last_index.encode_arg_last(out);
            }
            #[inline]
            fn encode_arg_part(&self, out: &mut KeyBuf) {
                $(self.$part_index.encode_arg_part(out);)+
                self.$last_index.encode_arg_part(out);
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($part: Key, $part_arg: KeyArg<$part>,)+ $last: Key, $last_arg: KeyArg<$last>>
            KeyArg<($($part,)+ $last,)> for ($($part_arg,)+ $last_arg,)
        {
        }
    };
}

tuple_key!(A X 0; B Y 1);
tuple_key!(A X 0, B Y 1; C Z 2);
tuple_key!(A X 0, B Y 1, C Z 2; D W 3);
tuple_key!(A X 0, B Y 1, C Z 2, D W 3; E V 4);
tuple_key!(A X 0, B Y 1, C Z 2, D W 3, E V 4; F U 5);

/// Leading parts as a prefix of a longer tuple.
macro_rules! tuple_prefix {
    ($($part:ident $arg:ident $index:tt),+ ; $($rest:ident),+) => {
        impl<$($part: Key, $arg: KeyArg<$part>,)+ $($rest: Key),+>
            KeyPrefixCodec<($($part,)+ $($rest,)+)> for ($($arg,)+)
        {
            fn encode_prefix(&self, out: &mut KeyBuf) {
                $(self.$index.encode_arg_part(out);)+
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($part: Key, $arg: KeyArg<$part>,)+ $($rest: Key),+>
            KeyPrefix<($($part,)+ $($rest,)+)> for ($($arg,)+)
        {
        }
    };
}

tuple_prefix!(A X 0; B);
tuple_prefix!(A X 0; B, C);
tuple_prefix!(A X 0; B, C, D);
tuple_prefix!(A X 0; B, C, D, E);
tuple_prefix!(A X 0; B, C, D, E, F);
tuple_prefix!(A X 0, B Y 1; C);
tuple_prefix!(A X 0, B Y 1; C, D);
tuple_prefix!(A X 0, B Y 1; C, D, E);
tuple_prefix!(A X 0, B Y 1; C, D, E, F);
tuple_prefix!(A X 0, B Y 1, C Z 2; D);
tuple_prefix!(A X 0, B Y 1, C Z 2; D, E);
tuple_prefix!(A X 0, B Y 1, C Z 2; D, E, F);
tuple_prefix!(A X 0, B Y 1, C Z 2, D W 3; E);
tuple_prefix!(A X 0, B Y 1, C Z 2, D W 3; E, F);
tuple_prefix!(A X 0, B Y 1, C Z 2, D W 3, E V 4; F);
