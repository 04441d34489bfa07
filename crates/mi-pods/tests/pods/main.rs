//! Pods as their drivers really start them: with walls (`walls`), without (`process`), and without processes (`fake`).

#[cfg(test)]
mod fake;
#[cfg(test)]
mod house;
#[cfg(test)]
mod process;
#[cfg(test)]
mod walls;
