/** Families of framework images that have accounts of their own. */
export type FrameworkColumn = "deep-learning" | "base-python";

/**
 * The account that holds SageMaker's framework images, by region and family. A family that a region lacks is absent.
 * scikit-learn and XGBoost lie in the account of the `xgboost` column of the built-in algorithms' table. Collected from
 * the SDK's image tables (November 2026).
 */
export const frameworkAccounts: Readonly<Record<string, Partial<Record<FrameworkColumn, string>>>> = {
  "af-south-1": { "deep-learning": "626614931356", "base-python": "559312083959" },
  "ap-east-1": { "deep-learning": "871362719292", "base-python": "493642496378" },
  "ap-east-2": { "deep-learning": "975050140332", "base-python": "938034419563" },
  "ap-northeast-1": { "deep-learning": "763104351884", "base-python": "102112518831" },
  "ap-northeast-2": { "deep-learning": "763104351884", "base-python": "806072073708" },
  "ap-northeast-3": { "deep-learning": "364406365360", "base-python": "792733760839" },
  "ap-south-1": { "deep-learning": "763104351884", "base-python": "394103062818" },
  "ap-south-2": { "deep-learning": "772153158452" },
  "ap-southeast-1": { "deep-learning": "763104351884", "base-python": "492261229750" },
  "ap-southeast-2": { "deep-learning": "763104351884", "base-python": "452832661640" },
  "ap-southeast-3": { "deep-learning": "907027046896", "base-python": "276181064229" },
  "ap-southeast-4": { "deep-learning": "457447274322" },
  "ap-southeast-5": { "deep-learning": "550225433462", "base-python": "148761635175" },
  "ap-southeast-6": { "deep-learning": "633930458069" },
  "ap-southeast-7": { "deep-learning": "590183813437", "base-python": "528757812139" },
  "ca-central-1": { "deep-learning": "763104351884", "base-python": "310906938811" },
  "ca-west-1": { "deep-learning": "204538143572", "base-python": "623308166672" },
  "cn-north-1": { "deep-learning": "727897471807", "base-python": "390048526115" },
  "cn-northwest-1": { "deep-learning": "727897471807", "base-python": "390780980154" },
  "eu-central-1": { "deep-learning": "763104351884", "base-python": "936697816551" },
  "eu-central-2": { "deep-learning": "380420809688", "base-python": "569303640362" },
  "eu-north-1": { "deep-learning": "763104351884", "base-python": "243637512696" },
  "eu-south-1": { "deep-learning": "692866216735", "base-python": "592751261982" },
  "eu-south-2": { "deep-learning": "503227376785", "base-python": "127363102723" },
  "eu-west-1": { "deep-learning": "763104351884", "base-python": "470317259841" },
  "eu-west-2": { "deep-learning": "763104351884", "base-python": "712779665605" },
  "eu-west-3": { "deep-learning": "763104351884", "base-python": "615547856133" },
  "il-central-1": { "deep-learning": "780543022126", "base-python": "380164790875" },
  "me-central-1": { "deep-learning": "914824155844", "base-python": "103105715889" },
  "me-south-1": { "deep-learning": "217643126080", "base-python": "117516905037" },
  "mx-central-1": { "deep-learning": "637423239942", "base-python": "396913743851" },
  "sa-east-1": { "deep-learning": "763104351884", "base-python": "782484402741" },
  "us-east-1": { "deep-learning": "763104351884", "base-python": "081325390199" },
  "us-east-2": { "deep-learning": "763104351884", "base-python": "429704687514" },
  "us-gov-east-1": { "deep-learning": "446045086412", "base-python": "107072934176" },
  "us-gov-west-1": { "deep-learning": "442386744353", "base-python": "107173498710" },
  "us-iso-east-1": { "deep-learning": "886529160074" },
  "us-isob-east-1": { "deep-learning": "094389454867" },
  "us-isof-east-1": { "deep-learning": "303241398832", "base-python": "840123138293" },
  "us-isof-south-1": { "deep-learning": "454834333376", "base-python": "883091641454" },
  "us-west-1": { "deep-learning": "763104351884", "base-python": "742091327244" },
  "us-west-2": { "deep-learning": "763104351884", "base-python": "236514542706" },
};
