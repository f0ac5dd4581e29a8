"""The words that people use for things: what else each name is called, and which names a wider word covers.

An entry of `SYNONYMS` holds words for the same thing, separated by commas; one that ends in a comma goes on in the
next line. The table knows nothing of any model: whichever of an entry's words a loaded model has as a name, the
others lead to it ("car" to "automobile", or the other way round). A word that stands in several entries means any of
them ("phone"). `HYPERNYMS` are wider words; one may name another.
"""

SYNONYMS = """
ghost, spook, phantom, spectre, specter, spirit, wraith, ghoul
alien, extraterrestrial, martian, space creature, space invader
robot, android, bot, droid, automaton, robot face, robot head
brain, human brain, mind
tooth, molar, human tooth
bone, dog bone, thighbone, thigh bone, femur
monkey, monkey face, ape, chimp, chimpanzee, monkey head
gorilla, ape, silverback
orangutan, orang utan, orangutang, orang utang, ape
dog, puppy, pup, doggy, doggie, dog face, hound, canine, pooch, mutt, puppy dog, dog head
wolf, wolf face, grey wolf, gray wolf, wolf head
fox, fox face, red fox, vixen, fox head
raccoon, racoon, raccoon face, trash panda
lion, lion face, lioness, lion head
tiger, tiger face, tiger head, tigress
horse, horse face, pony, stallion, mare, steed, horse head
donkey, ass, mule, burro
unicorn, unicorn face, unicorn head
zebra, zebra face
deer, stag, doe, reindeer, fawn, roe, venison
bison, buffalo, american bison
cow, cow face, cattle, heifer, cow head, calf
pig, pig face, hog, swine, piggy, piglet, pig head
ram, male sheep, bighorn, bighorn sheep, sheep
goat, billy goat, nanny goat, kid goat
camel, dromedary, one humped camel
llama, lama, alpaca
giraffe, giraffe head
elephant
rhinoceros, rhino
hippopotamus, hippo
mouse, mouse face, mouse head, little mouse, rodent mouse
hamster, hamster face, guinea pig
rabbit, rabbit face, bunny, bunny rabbit, hare, easter bunny, bunny face, rabbit head
beaver
hedgehog
bat, vampire bat, flying bat
bear, bear face, brown bear, grizzly, grizzly bear, bear head
koala, koala bear, koala face
panda, panda bear, panda face, giant panda
sloth
otter, sea otter, river otter
skunk, polecat
kangaroo, wallaby, roo
turkey, turkey bird, gobbler
rooster, cock, cockerel
baby chick, chick, baby chicken, little chick, chickie, hatching chick
bird, birdie, songbird, little bird
penguin, penguin face
eagle, bald eagle
duck, mallard, drake, duckling
swan, cygnet
owl, owlet
feather, quill, plume
flamingo
peacock, peafowl, peahen
parrot, macaw, parakeet
goose, gander
frog, toad, frog face, frog head
crocodile, croc, alligator, gator
turtle, tortoise, terrapin, sea turtle
lizard, gecko
snake, serpent, viper, cobra, python
dragon, dragon face, dragon head
t rex, tyrannosaurus rex, tyrannosaurus, tyrannosaur, dinosaur, dino, trex, rex
whale, blue whale, sperm whale, spouting whale
seal, sea lion, harbor seal, harbour seal
fish, fishie
blowfish, pufferfish, puffer fish, blow fish, fugu, balloonfish
shark, great white, great white shark
octopus
spiral shell, shell, seashell, sea shell, conch, conch shell
coral, coral reef, reef
jellyfish, jelly fish, medusa
crab
lobster, crayfish, crawfish
shrimp, prawn
squid, calamari
snail
butterfly
bug, caterpillar, worm, inchworm
ant
honeybee, bee, honey bee, bumblebee, bumble bee, wasp
beetle, scarab
cricket, grasshopper, locust
spider
scorpion
mosquito, gnat
bouquet, bunch of flowers, flower bouquet, bouquet of flowers, posy
cherry blossom, blossom, sakura
rose, red rose
hibiscus, hibiscus flower
sunflower, sun flower
tulip
potted plant, houseplant, house plant, pot plant, plant pot, plant in a pot, flowerpot, flower pot, plant, pottedplant
evergreen tree, evergreen, pine tree, pine, fir, fir tree, conifer, spruce
palm tree, palm, coconut palm, coconut tree
cactus, saguaro
herb, sprig
maple leaf, maple, canadian leaf
fallen leaf, autumn leaf, dead leaf, brown leaf, dry leaf
mushroom, toadstool, fungus
grapes, grape, bunch of grapes
watermelon, slice of watermelon, watermelon slice, melon
lemon
banana
pineapple, ananas
red apple, apple
pear
peach, nectarine
cherries, cherry, pair of cherries
strawberry
blueberries, blueberry
kiwi fruit, kiwi, kiwifruit
tomato
coconut
avocado
eggplant, aubergine
potato, spud
carrot
hot pepper, chili, chilli, chile, chili pepper, chilli pepper, chile pepper, cayenne, red pepper, spicy pepper
bell pepper, sweet pepper, capsicum, paprika, green pepper
cucumber, gherkin, pickle
broccoli
onion
peanuts, peanut, groundnut, nut
bread, loaf, loaf of bread, bread loaf
croissant
baguette bread, baguette, french bread, french loaf
flatbread, flat bread, pita, pita bread, naan, tortilla
pretzel
bagel
pancakes, pancake, stack of pancakes, hotcakes, flapjacks
waffle
cheese wedge, cheese, wedge of cheese, piece of cheese, swiss cheese, slice of cheese
poultry leg, drumstick, chicken leg, chicken drumstick, turkey leg
bacon, bacon strip, strip of bacon
hamburger, burger, cheeseburger, beefburger, whopper
french fries, fries, french fry, chips, chip, fry, box of fries
pizza, pizza slice, slice of pizza, piece of pizza
hot dog, hotdog, frankfurter, sausage, wiener
sandwich, sub sandwich
taco
burrito, wrap
egg, fried egg
cooking, frying pan, pan, skillet, fried egg, egg in a pan, frypan, egg in a frying pan
green salad, salad, bowl of salad, salad bowl
popcorn, pop corn, bucket of popcorn
butter, stick of butter
canned food, tin can, can, tin, can of food, food can, tinned food
bento box, bento, lunch box, lunchbox
rice ball, onigiri
spaghetti, pasta, noodles, noodle, plate of pasta, plate of spaghetti
sushi, nigiri, maki
fried shrimp, tempura, fried prawn, shrimp tempura, battered shrimp
takeout box, takeaway box, take out box, chinese food box, take out, takeout, takeaway
shaved ice, snow cone, granita
ice cream, icecream, sundae, gelato, bowl of ice cream, ice cream cup
doughnut, donut
cookie, biscuit, chocolate chip cookie
birthday cake, cake, cake with candles
cupcake, muffin, cup cake
chocolate bar, chocolate, bar of chocolate, candy bar
candy, bonbon, wrapped candy, sweetie, boiled sweet
lollipop, lolly, lollypop, sucker
honey pot, honey, pot of honey, honey jar, jar of honey, honeypot
baby bottle, bottle, milk bottle, feeding bottle
hot beverage, coffee, tea, cup of coffee, cup of tea, hot drink, coffee cup, teacup, tea cup, cup, hot coffee,
hot tea, coffee mug, cuppa, cappuccino, espresso, mug of coffee
teapot, tea pot, kettle
wine glass, glass of wine, wine, wineglass, red wine, goblet
cocktail glass, cocktail, martini, martini glass, glass of martini
tropical drink, tropical cocktail, fruity drink, cocktail, tropical beverage
beer mug, beer, mug of beer, glass of beer, pint, pint of beer, mug, beer glass, tankard, stein
bubble tea, boba, boba tea, milk tea, pearl tea
chopsticks, chopstick, pair of chopsticks
spoon, teaspoon, tablespoon
kitchen knife, knife, chef's knife, cooking knife, butcher knife
jar, amphora, urn, pot, vase
hut, shack, cabin, straw hut
house, home, cottage
castle, fortress, fort
fountain, water fountain
tent, camping tent
locomotive, steam engine, steam train, steam locomotive, train engine
train, railway train, metro, subway, tram
bus, coach, school bus, omnibus
ambulance
fire engine, fire truck, firetruck, fireengine
police car, patrol car, cop car, squad car, police cruiser
taxi, cab, taxicab, taxi cab
automobile, car, auto, motorcar, motor car, sedan, motor vehicle
pickup truck, pickup, pick up truck, pick up
delivery truck, lorry, truck, van, delivery van, box truck, delivery lorry
tractor, farm tractor
racing car, race car, racecar, formula one car, formula 1 car, f1 car, sports car
motorcycle, motorbike, motor bike, motor cycle, moped
motor scooter, vespa, scooter, moped, motorscooter
manual wheelchair, wheelchair, wheel chair
bicycle, bike, push bike, cycle, pushbike, pedal bike
kick scooter, scooter, push scooter, kickscooter
skateboard, skate board
oil drum, oil barrel, barrel, barrel of oil, drum of oil, oildrum
fuel pump, gas pump, petrol pump, gas station, petrol station, gasoline pump, fuelpump
wheel, tire, tyre, car wheel
stop sign, octagonal sign, stopsign
anchor, ship anchor
ring buoy, lifebuoy, life buoy, life preserver, life ring, lifebelt, life belt, lifesaver, buoy, float ring
sailboat, sailing boat, sail boat, yacht, boat
ship, cruise ship, boat, steamship, ocean liner, ferry, vessel
airplane, plane, aeroplane, aircraft, jet, airliner, jet plane
parachute
helicopter, chopper, copter
rocket, spaceship, space ship, spacecraft, rocket ship, missile, space rocket
hourglass done, hourglass, hour glass, sand timer, sandglass, sand glass, egg timer
watch, wristwatch, wrist watch
alarm clock, clock, alarm
sun, sunshine
ringed planet, saturn, planet, planet with rings, planet with a ring
star, yellow star
cloud
rainbow
umbrella, parasol, brolly
high voltage, lightning, lightning bolt, bolt of lightning, thunderbolt, bolt, high voltage sign, lightning sign,
flash of lightning
snowman, snow man
fire, flame, bonfire, campfire, blaze
droplet, drop, drop of water, water drop, raindrop, waterdrop, water droplet
christmas tree, xmas tree, decorated tree
balloon, party balloon
party popper, confetti, popper, confetti popper
wrapped gift, gift, present, gift box, giftbox, wrapped present, birthday present, parcel with a ribbon
trophy, award cup, winner's cup, winners cup, prize cup, gold cup
sports medal, medal, gold medal, winner's medal
soccer ball, soccerball, football, association football
baseball, baseball ball
basketball, basket ball
volleyball, volley ball
american football, football, rugby ball, gridiron football
tennis, tennis racket, tennis racquet, tennis ball, racket, racquet
bowling, bowling ball, bowling pin, bowling pins, bowling alley
ping pong, table tennis, pingpong, ping pong paddle, table tennis bat, table tennis paddle, ping pong bat,
ping pong racket
badminton, badminton racket, shuttlecock, badminton racquet, birdie and racket
boxing glove, boxing mitt
ice skate, skate, ice skating boot
fishing pole, fishing rod, angling rod, rod
bullseye, target, dartboard, dart board, bull's eye, direct hit, archery target, bulls eye
yo yo, yoyo
kite
crystal ball, fortune teller's ball, fortune telling ball
magic wand, wand
joystick, arcade stick, game controller stick
slot machine, one armed bandit, fruit machine
game die, die, dice
puzzle piece, jigsaw, jigsaw piece, puzzle, jigsaw puzzle, piece of a puzzle, piece of puzzle
teddy bear, teddy, stuffed bear, toy bear, plush bear
mirror ball, disco ball, mirrorball, glitter ball, disco globe
framed picture, picture, painting, picture frame, framed painting, framed photo, frame
artist palette, palette, paint palette, painter's palette, artist's palette, colour palette, color palette
sewing needle, needle, needle and thread
yarn, ball of yarn, ball of wool, wool, yarn ball, skein
glasses, eyeglasses, spectacles, pair of glasses, specs, reading glasses, eye glasses
sunglasses, shades, dark glasses, pair of sunglasses, sun glasses
necktie, tie, neck tie
t shirt, tshirt, tee shirt, tee, shirt
jeans, trousers, pants, pair of jeans, blue jeans, denim jeans, denims, pair of trousers, pair of pants
scarf, shawl, muffler
gloves, glove, pair of gloves, mittens, mitten
coat, jacket, overcoat
dress, gown, frock
bikini, swimsuit, bathing suit, swimwear, two piece
handbag, purse, hand bag, pocketbook
shopping bags, shopping bag, paper bag, carrier bag
backpack, rucksack, school bag, schoolbag, knapsack, back pack, satchel
running shoe, sneaker, trainer, shoe, tennis shoe, athletic shoe, gym shoe, sports shoe, jogging shoe
hiking boot, boot, hiking shoe, walking boot
crown, tiara, royal crown
top hat, hat, tophat, cylinder hat
lipstick, lip stick
ring, diamond ring, engagement ring, wedding ring
gem stone, gem, gemstone, diamond, jewel, precious stone, crystal, brilliant
megaphone, bullhorn, loudhailer, cheering megaphone
bell
musical note, music note, note, quaver, eighth note
saxophone, sax
trumpet, cornet
accordion, squeezebox, squeeze box
guitar, acoustic guitar, electric guitar
violin, fiddle
drum, snare drum
maracas, maraca, shakers, rattle
flute, recorder
mobile phone, cell phone, cellphone, smartphone, smart phone, phone, mobile, handphone, iphone, cellular phone, cell
telephone, phone, rotary phone, landline, landline phone, desk phone, rotary telephone
battery, battery cell
electric plug, plug, power plug, electrical plug, mains plug
laptop, notebook computer, laptop computer, portable computer
desktop computer, desktop, pc, desktop pc, computer screen, monitor, personal computer, computer monitor
printer
keyboard, computer keyboard
computer mouse, pc mouse, mouse device, wireless mouse
floppy disk, floppy, diskette, floppy disc
abacus, counting frame
movie camera, film camera, cine camera, video camera, camcorder, cinema camera
clapper board, clapperboard, clapper, slate, film slate, movie clapper
television, tv, tv set, television set, telly
camera, photo camera, photographic camera, digital camera
candle
light bulb, bulb, lightbulb, lamp bulb
flashlight, torch, electric torch, flash light
books, book, stack of books, pile of books
scroll, parchment
newspaper, news paper, paper
label, tag, price tag
money bag, bag of money, sack of money, moneybag, money sack
dollar banknote, dollar, banknote, dollar bill, bank note, bill, money, cash, dollar note, paper money,
stack of dollars
credit card, bank card, debit card
envelope, letter, mail
package, parcel, cardboard box, shipping box
postbox, mailbox, letterbox, letter box, post box, mail box
pencil
fountain pen, pen, ink pen
memo, note, notepad, writing pad, memo pad, paper and pencil, note pad
briefcase, brief case, attache case
calendar
bar chart, chart, graph, bar graph
clipboard, clip board
pushpin, push pin, thumbtack, drawing pin, tack, map pin, pin
paperclip, paper clip
straight ruler, ruler, measuring stick
scissors, pair of scissors, scissor, shears
wastebasket, trash can, garbage can, bin, trash bin, rubbish bin, waste bin, dustbin, trashcan, waste basket,
wastepaper basket, garbage bin, waste paper basket, litter bin
locked, lock, padlock, closed lock, locked padlock, closed padlock, locked lock
key, old key, door key
hammer, mallet
axe, ax, hatchet
dagger, dagger knife, short sword
bomb, round bomb
boomerang
shield
wrench, spanner, adjustable wrench
screwdriver, screw driver
gear, cog, cogwheel, gear wheel, gearwheel
balance scale, scale, weighing scale, balance, scales of justice, pair of scales, set of scales, balance scales
link, chain link, links of a chain
toolbox, tool box, tool chest, toolkit, tool kit
magnet, horseshoe magnet
ladder, step ladder, stepladder
dna, double helix, dna strand, helix, dna helix
microscope
telescope, spyglass, spy glass
syringe, injection, hypodermic needle, injection needle, needle
stethoscope
door, wooden door, doorway
bed
chair, seat
toilet, lavatory, wc, loo, toilet bowl
plunger, toilet plunger
bathtub, bath tub, bath, tub
broom, besom, broomstick
basket, wicker basket
bucket, pail
soap, bar of soap, soap bar, cake of soap
toothbrush, tooth brush
fire extinguisher, extinguisher
shopping cart, shopping trolley, trolley, cart, supermarket trolley
sign, signboard, sign board, signpost, sign post, placard, notice, notice board, billboard
sofa, couch
dining table, table
refrigerator, fridge
hair drier, hair dryer, hairdryer
tv monitor, tvmonitor, tv, television
person, human, people
sports ball, ball
cat, kitty, kitten
"""

# "wider word, another word for it: name, name, ...". A name may itself be a wider word, which is then unfolded.
HYPERNYMS = """
animal, creature, beast, critter, living thing, wild animal: mammal, bird of any kind, amphibian, reptile,
sea creature, insect
mammal: monkey, gorilla, orangutan, dog, wolf, fox, raccoon, lion, tiger, horse, donkey, unicorn, zebra, deer,
bison, cow, pig, ram, goat, camel, llama, giraffe, elephant, rhinoceros, hippopotamus, mouse, hamster, rabbit,
beaver, hedgehog, bat, bear, koala, panda, sloth, otter, skunk, kangaroo, whale, seal, cat, sheep
farm animal, livestock: horse, donkey, cow, pig, ram, goat, sheep, turkey, rooster, baby chick, duck, goose, rabbit
big cat, feline: lion, tiger, cat
pet, domestic animal: dog, cat, hamster, rabbit, fish, parrot, bird, turtle
primate: monkey, gorilla, orangutan
rodent: mouse, hamster, beaver
bird of any kind, birds of any kind, fowl: turkey, rooster, baby chick, bird, penguin, eagle, duck, swan, owl,
flamingo, peacock, parrot, goose
chicken: rooster, baby chick
poultry, hen: rooster, baby chick, turkey, duck, goose
amphibian: frog
reptile: crocodile, turtle, lizard, snake, dragon, t rex
sea creature, sea animal, marine animal, aquatic animal, sea life, marine creature, water animal: whale, seal, fish,
blowfish, shark, octopus, spiral shell, coral, jellyfish, crab, lobster, shrimp, squid
shellfish, crustacean, seafood: crab, lobster, shrimp, squid, octopus
insect, creepy crawly, minibeast: snail, butterfly, bug, ant, honeybee, beetle, cricket, spider, scorpion, mosquito
mythical creature, fantasy creature: unicorn, dragon, ghost
plant of any kind, vegetation: flower, tree, potted plant, cactus, herb, maple leaf, fallen leaf, mushroom
flower, bloom: bouquet, cherry blossom, rose, hibiscus, sunflower, tulip
tree: evergreen tree, palm tree, christmas tree
leaf, foliage: maple leaf, fallen leaf
fruit, piece of fruit: grapes, watermelon, lemon, banana, pineapple, red apple, pear, peach, cherries, strawberry,
blueberries, kiwi fruit, tomato, coconut, avocado, apple, orange
berry: strawberry, blueberries, grapes, cherries
citrus fruit, citrus: lemon, orange
vegetable, veggie, veg: avocado, eggplant, potato, carrot, hot pepper, bell pepper, cucumber, broccoli, onion,
mushroom, tomato
pepper: hot pepper, bell pepper
food, something to eat, anything to eat, edible thing, dish, meal, foodstuff: fruit, vegetable, dessert, fast food,
bread, croissant, baguette bread, flatbread, pretzel, bagel, pancakes, waffle, cheese wedge, poultry leg, bacon,
egg, cooking, green salad, popcorn, butter, canned food, bento box, rice ball, spaghetti, sushi, fried shrimp,
peanuts, takeout box
fast food, junk food, snack: hamburger, french fries, pizza, hot dog, sandwich, taco, burrito, popcorn, peanuts
meat: poultry leg, bacon, hamburger, hot dog
baked good, pastry, baked goods: bread, croissant, baguette bread, flatbread, pretzel, bagel, waffle, cupcake,
doughnut, cookie
dessert, sweet, sweet treat, confectionery, sweet food: shaved ice, ice cream, doughnut, cookie, birthday cake,
cupcake, chocolate bar, candy, lollipop, honey pot, pancakes, waffle
drink, beverage, something to drink, anything to drink: baby bottle, hot beverage, teapot, wine glass,
cocktail glass, tropical drink, beer mug, bubble tea
alcohol, alcoholic drink, alcoholic beverage: wine glass, cocktail glass, tropical drink, beer mug
glass, drinking glass: wine glass, cocktail glass
cutlery, utensil, kitchen utensil, tableware, silverware, dishware: chopsticks, spoon, kitchen knife, fork
container: jar, basket, bucket, honey pot, oil drum, toolbox, package, takeout box, bento box, wastebasket, bottle
building, structure: hut, house, castle
vehicle, means of transport, transport: road vehicle, locomotive, train, watercraft, aircraft of any kind
road vehicle, ground vehicle, land vehicle: bus, ambulance, fire engine, police car, taxi, automobile, pickup truck,
delivery truck, tractor, racing car, motorcycle, motor scooter, manual wheelchair, bicycle, kick scooter,
skateboard, truck
car of any kind: automobile, police car, taxi, racing car
emergency vehicle: ambulance, fire engine, police car
two wheeler, two wheeled vehicle: motorcycle, motor scooter, bicycle, kick scooter
watercraft, water vehicle: sailboat, ship, boat
aircraft of any kind, flying machine, flying vehicle, air vehicle: airplane, parachute, helicopter, rocket, balloon
timepiece, time piece: hourglass done, watch, alarm clock
heavenly body, celestial body, celestial object: sun, ringed planet, star
weather symbol: sun, cloud, rainbow, umbrella, high voltage, snowman, droplet
prize, award: trophy, sports medal
ball: soccer ball, baseball, basketball, volleyball, american football, tennis, bowling, crystal ball, mirror ball,
sports ball
sports equipment, sport equipment, sporting goods, sports gear, sport, sports item: soccer ball, baseball,
basketball, volleyball, american football, tennis, bowling, ping pong, badminton, boxing glove, ice skate,
fishing pole, skateboard
toy, plaything, game: yo yo, kite, game die, puzzle piece, teddy bear, joystick, balloon, slot machine, bullseye,
magic wand
clothes, clothing, garment, item of clothing, piece of clothing, apparel, article of clothing: necktie, t shirt,
jeans, scarf, gloves, coat, dress, bikini, top hat, running shoe, hiking boot
footwear, pair of shoes, shoes: running shoe, hiking boot, ice skate
headgear, headwear: crown, top hat
eyewear: glasses, sunglasses
bag, luggage, baggage: handbag, shopping bags, backpack, money bag, briefcase, suitcase
jewelry, jewellery, piece of jewelry, accessory, piece of jewellery: ring, crown, gem stone, watch
musical instrument, instrument, music instrument: saxophone, trumpet, accordion, guitar, violin, drum, maracas, flute
wind instrument, brass instrument: saxophone, trumpet, flute
string instrument, stringed instrument: guitar, violin
percussion instrument, percussion: drum, maracas
computer, pc or laptop: laptop, desktop computer
electronics, electronic device, device, gadget: mobile phone, telephone, laptop, desktop computer, printer,
keyboard, computer mouse, television, camera, movie camera, joystick
camera of any kind: camera, movie camera
light, light source, lamp: candle, light bulb, flashlight
stationery, office supply, office supplies, office item: pencil, fountain pen, memo, clipboard, pushpin, paperclip,
straight ruler, scissors, envelope, calendar
writing tool, writing implement, writing utensil: pencil, fountain pen
tool: hammer, axe, wrench, screwdriver, straight ruler, scissors, ladder, toolbox, magnet, plunger, broom
weapon: dagger, bomb, axe, kitchen knife, boomerang, shield
blade, sharp object: dagger, kitchen knife, axe, scissors
currency: dollar banknote, money bag, credit card
medical item, medical instrument, medical equipment, medical device: syringe, stethoscope
scientific instrument, science equipment, lab equipment, optical instrument: microscope, telescope
furniture, piece of furniture: bed, chair, sofa, dining table
household item, household object: door, bed, chair, toilet, plunger, bathtub, broom, basket, bucket, soap,
toothbrush, fire extinguisher
cleaning tool: plunger, broom, bucket, soap
book or newspaper, reading matter, reading material: books, newspaper, scroll
ornament, christmas decoration: christmas tree, snowman
"""

# Words before a name that say what it looks like, not what it is: "the small dog" is a dog.
ADJECTIVES = frozenset(
    """red orange yellow green blue purple pink brown black white grey gray golden gold silver dark light bright pale
    colourful colorful coloured colored multicoloured multicolored striped spotted shiny
    big large huge giant small little tiny tall short long wide narrow thin thick fat round square
    biggest largest smallest tallest shortest bigger larger smaller
    cute pretty beautiful lovely nice ugly funny old new young adult wild happy sad smiling sleeping standing sitting
    upside-down rotated tilted flipped blurry blurred faded hidden cartoon illustrated drawn painted
    single whole entire main other same actual real visible lone only solitary
    left right upper lower top bottom leftmost rightmost topmost uppermost lowest middle central
    tiniest littlest highest bottommost lowermost nearest closest farthest furthest violet
    second third fourth fifth sixth seventh eighth ninth tenth 2nd 3rd 4th 5th""".split()
)

# Common words for other things. A slip of the pen leads from "dgo" to "dog", but a word of this list is no slip: who
# asks for a moose does not mean a mouse. Only words within reach of a name or a synonym need to stand here.
OTHER_WORDS = frozenset(
    """
    according allocator align aligned arm backtrack backward balanced bandana bandanna barrette base basset bat
    baton batter beach beacon beaker beam bean beard bearer beef better billiard blazer bookcase booth box brook
    break butler button caddy camcord canny canyon card cask casket chain chaining char chat chilly chin choir
    clipper cloak cloth clown clove coating corner corset cost cottage cow crate crow cupboard danger denom digger
    drapes dresser dumpling element feature fiddler field file fired fist flask floating flower foot footrest fork
    form fraction frame from gender globe grade granite grass grove hamper handle head headband headphone headset
    heart hearse hose hummer induction insertion inspection jumper keyhole keyword kettle lander lapel latter leader
    level lifeboat life line llava locker looked lowering maggot magnate mapping match mattress meter microscopy
    mobile mole moose mopping moth mountain mousepad mousse mouth net noose other outer overload overcook paint
    painter painting pane paperback parrot patch peak pearl pebble perch piazza picked pickled pine plate pocket
    pointer pointing police popped portion post prevent printed printing quiver reading recorded reef renderer
    reorder resample ribbon robin role root rosary rosen sail sailor scallion scan scar scare scone serpentine
    shaded shape shard share sharp shaver shear shelf shelves shirt shop shovel skip skirt slider slot snack shake
    spade span spanned spanner spear speaker spectra spine spool sportswear spring springer stake stair star start
    stat stay steak steel stencil stool stopping stork stove stroll subclass suit sunshade swap swing table tablet
    tart telephoto tend test text timer tower trail trailer trained trainer trait trans trash tray trunk tube turnip
    union uniform vest viola wager wand weaver wench whale wheat while whole wing witch wire wretch
    """.split()
)
