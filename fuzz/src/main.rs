//! `fuzz list`, `fuzz TARGET SECONDS [SEED]`: mutates golden messages from a seed, so that a run
//! can be repeated, and tries them until the time is over. An input that breaks a promise is written
//! to `fuzz/failures/`; `fuzz TARGET --input FILE` tries it again.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use watchgate_fuzz::{TARGETS, Target};

/// Longest input, in bytes: mutations that insert would grow without end.
const INPUT_BYTES_MAX: usize = 64 << 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let target = |name: &str| TARGETS.iter().find(|target| target.name == name);
    match arguments[..] {
        ["list"] => {
            TARGETS.iter().for_each(|target| println!("{}", target.name));
            ExitCode::SUCCESS
        }
        [name, "--input", file] => match (target(name), std::fs::read(file)) {
            (Some(target), Ok(input)) => {
                (target.fuzz)(&input);
                ExitCode::SUCCESS
            }
            _ => usage(),
        },
        [name, seconds, ref rest @ ..] => {
            let seed = rest.first().map_or(Ok(1), |seed| seed.parse());
            match (target(name), seconds.parse(), seed) {
                (Some(target), Ok(seconds), Ok(seed)) => run(target, Duration::from_secs(seconds), seed),
                _ => usage(),
            }
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: fuzz list | fuzz TARGET SECONDS [SEED] | fuzz TARGET --input FILE");
    ExitCode::from(2)
}

fn run(target: &Target, time: Duration, seed: u64) -> ExitCode {
    let seeds = (target.seeds)();
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let start = Instant::now();
    let mut tried = 0u64;
    seeds.iter().for_each(|seed| (target.fuzz)(seed));
    while start.elapsed() < time {
        for _ in 0..100 {
            let input = mutate(&seeds, &mut random);
            if catch_unwind(|| (target.fuzz)(&input)).is_err() {
                let name = format!("fuzz/failures/{}-{seed}-{tried}", target.name);
                let written = std::fs::create_dir_all("fuzz/failures").and_then(|()| std::fs::write(&name, &input));
                eprintln!("{}: input {tried} of seed {seed} failed; {written:?} {name}", target.name);
                return ExitCode::FAILURE;
            }
            tried += 1;
        }
    }
    println!("{}: {tried} inputs in {} s, seed {seed}", target.name, start.elapsed().as_secs());
    ExitCode::SUCCESS
}

/// One of the seeds with one to eight changes.
fn mutate(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    const TELLING: [u8; 16] =
        [0, 1, 0x7f, 0x80, 0xff, b'"', b'\\', b'{', b'}', b'[', b']', b',', b'0', 0x0a, 0x12, 0xc3];
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..1 + random.below(8) {
        if input.is_empty() || input.len() > INPUT_BYTES_MAX {
            break;
        }
        let at = random.below(input.len());
        let end = at + random.below((input.len() - at).min(64) + 1);
        match random.below(8) {
            0 => input[at] ^= 1 << random.below(8),
            1 => input[at] = random.next() as u8,
            2 => input[at] = TELLING[random.below(TELLING.len())],
            3 => input.insert(at, TELLING[random.below(TELLING.len())]),
            4 => drop(input.drain(at..end)),
            5 => {
                let piece = input[at..end].to_vec();
                let to = random.below(input.len());
                input.splice(to..to, piece);
            }
            6 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let piece = &other[from..(from + 64).min(other.len())];
                input.splice(at..end, piece.iter().copied());
            }
            _ => input.truncate(at),
        }
    }
    input
}

/// xorshift64*: the same inputs from the same seed, everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}
