//! Spoils files: the same way for the same seed. JSON is spoiled in its meaning or in its bytes.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use serde_json::{Value, json};

/// Random numbers that are the same every time (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Below `count`; 0 if there is none.
    pub fn below(&mut self, count: usize) -> usize {
        if count == 0 { 0 } else { (self.next() % count as u64) as usize }
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// One to three changes of bytes: bits, cuts, insertions, pieces moved.
pub fn bytes(dice: &mut Dice, file: &mut Vec<u8>) {
    for _ in 0..=dice.below(3) {
        let (at, to) = (dice.below(file.len()), dice.below(file.len()));
        match dice.below(6) {
            0 if !file.is_empty() => file[at] ^= 1 << dice.below(8),
            1 => file.truncate(at),
            2 => file.insert(at, dice.next() as u8),
            3 => {
                let piece: Vec<u8> = file.iter().skip(at).take(dice.below(40)).copied().collect();
                file.splice(to..to, piece);
            }
            4 if !file.is_empty() => {
                let end = file.len().min(at + dice.below(40));
                file.drain(at..end);
            }
            _ if !file.is_empty() => {
                file[at] = *dice.pick(&[0, 0xff, b'"', b'{', b'[', b'0', b'9', b'-', b'\\'])
            }
            _ => {}
        }
    }
}

/// One or two changes of a document: a value replaced, dropped, doubled or exchanged with another.
pub fn document(dice: &mut Dice, root: &mut Value) {
    for _ in 0..=dice.below(2) {
        let other = any(dice, root).clone();
        let replacement = match dice.below(3) {
            0 => other,
            _ => value(dice),
        };
        let place = any(dice, root);
        match place {
            Value::Object(map) if dice.below(2) == 0 && !map.is_empty() => {
                let key = map.keys().nth(dice.below(map.len())).cloned().unwrap_or_default();
                match dice.below(3) {
                    0 => drop(map.remove(&key)),
                    1 => drop(map.insert(key, replacement)),
                    _ => drop(map.insert(format!("{key}x"), replacement)),
                }
            }
            Value::Array(list) if dice.below(2) == 0 && !list.is_empty() => {
                let at = dice.below(list.len());
                match dice.below(3) {
                    0 => drop(list.remove(at)),
                    1 => list.push(replacement),
                    _ => list[at] = replacement,
                }
            }
            _ => *place = replacement,
        }
    }
}

/// Values that readers are not made for.
fn value(dice: &mut Dice) -> Value {
    match dice.below(16) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(0),
        4 => json!(1),
        5 => json!(u64::MAX),
        6 => json!(1_u64 << dice.below(64)),
        7 => json!(u64::from(u32::MAX)),
        8 => json!(1e308),
        9 => json!(1e-320),
        10 => json!(-0.5),
        11 => json!(""),
        12 => json!("a".repeat(1 << dice.below(14))),
        13 => json!([]),
        14 => json!({}),
        _ => json!(dice.below(1000)),
    }
}

/// Some value of a document, each depth as likely as the next.
fn any<'v>(dice: &mut Dice, root: &'v mut Value) -> &'v mut Value {
    let mut at = root;
    loop {
        let children = match &*at {
            Value::Object(map) => map.len(),
            Value::Array(list) => list.len(),
            _ => 0,
        };
        if children == 0 || dice.below(4) == 0 {
            return at;
        }
        let child = dice.below(children);
        at = match at {
            Value::Object(map) => map.values_mut().nth(child).expect("counted"),
            Value::Array(list) => &mut list[child],
            _ => unreachable!("it has children"),
        };
    }
}
