mod evaluation;
mod generate;
mod limits;
mod naive;
mod properties;
mod refusals;
