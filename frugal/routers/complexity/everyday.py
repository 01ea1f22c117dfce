"""Everyday words: what small questions are made of, as data that users replace.

Law: a word that is not here says nothing by itself; it only takes away the ground for calling a question small. So a
gap in this list costs a dearer model, and never a worse answer.
"""

from __future__ import annotations

__all__ = ["EVERYDAY", "is_everyday"]

_WORDS = """
abbreviation able about above accept accident account acronym across act active actor actress actual add address
adult advice afraid africa after afternoon again against age agenda ago agree ahead air airplane airport alarm
album alike alive all allow almost alone along alphabet alphabetical already also although always am amazing
amazon america american among amount amuse ancient and anger angry animal ankle anniversary announce annoy
another answer ant anthem any anybody anyone anything apartment apologise apologize apology app appear apple
appointment apr april are area aren argentina arm army around arrange arrive art article artist asap asia ask
asleep at ate atlantic attach attack attempt attend attention aug aunt australia austria author autumn available
avoid awake away awful baby back bacon bad badly bag bake balance ball balloon banana band bank bar base
baseball basic basket basketball bath bathroom battery battle beach bean bear beard beat beautiful beauty became
because become bed bedroom bee beef been beer beethoven before beg began begin beginner begun behind beijing
belgium belief believe bell belong below belt berlin best better between beyond bicycle big bike bill billion
bird birth birthday bit bite bitter black blanket bless blind block blog blood blow blue board boat body boil
book boot border bore born boss both bother bottle bottom bought bow bowl box boy brain branch brand brave
brazil bread break breakfast breath breathe brick bridge brief bright bring britain british broad broke broken
brother brought brown brush btw bucket budget build building built bullet bulletproof burger burn bus business
busy but butter button buy cabin cake calendar calf california call calm came camel camera camp can canada
candle candy cant cap capital caption car card care career careful careless carpet carrot carry case cash castle
casual cat catch caught cause celebrate cell celsius cent center central centre century certain chain chair
chance change channel chapter character charge chat cheap check checklist cheer cheese chef chess chest chicago
chicken chief child childhood children chile china chinese chocolate choice choose chore chorus chose chosen
christmas church cinema circle city class classic classroom clean clear clever click climb clock close cloth
clothes cloud cloudy club cm coach coast coat code coffee coin cold collar collect college colombia color colour
column comb come comfort comfortable comma common company complete computer concert condolence congrats
congratulate congratulations connect contact contain continue control conversation cook cookie cool copy corn
corner correct cost cotton cough could couldn count country countryside couple course cousin cover cow crazy
cream create cross crowd cry csv cuba culture cup cupboard cure curious currency current curtain customer cut
cute dad daily damage dance danger dangerous dark date daughter day dead deaf deal dear death dec december
decide deep deer degree delay delete delicious deliver denmark dentist department describe desert desk dessert
detail develop dial did didn die diet differ difference different difficult dinner direction director dirt dirty
disappear discount discover discuss dish distance divide doctor document does doesn dog dollar don done dont
door double doubt down download draft drama drank draw drawer drawing dream dress drink drive driven driver drop
drove drunk dry duck during dust dutch duty each ear early earn earth easier east easter easy eat eaten edge
edit education effort egg egypt eight einstein either elbow elephant eleven eleventh else email emails emoji
empty end enemy engine england english enjoy enough enter entire envelope equal escape especially essay euro
europe european even evening event ever everest every everybody everyone everything everywhere exact exam
example excellent except excite excited excitement exciting excuse exercise exist exit expect expensive
experience explain extra eye face fact factory fahrenheit fail fair fall family famous fan faq far farewell farm
farmer fast fat father favorite favourite fear feather feb february feed feel feeling feet fell fellow felt
female fence festival few field fifteen fifth fifty fight file fill film final find fine finger finish finland
fire first fish fit five fix flag flat flavor flavour flew flight float floor florida flour flower flown flu fly
fold follow fond food foot football for forest forget forgive forgot forgotten fork form formal forty forward
fought found founder four fox france free freedom freeze french fresh fri friday fridge friend friendly
friendship frighten frog from front fruit full fun funny furniture further future fyi gallery game garage garden
gas gate gather gave general gentle german germany get giant gift giraffe girl give given glad glass glove glue
gmt go goal goat gold golden golf gone good goodbye goose got gotten grade graduation grain gram grammar grand
grandfather grandma grandmother grandpa grape grass grateful gray great greece greek green greet greeting grew
grey grocery ground group grow grown guess guest guide guitar gun guy gym habit had hair half hall halloween ham
hamlet hand handle handsome hang happen happy hard hardly harvest has hashtag hasn hat hate have haven hawaii
head headline health healthy hear heard heart heat heaven heavy height held hello help helpful hen her here hero
hers herself hidden hide high hill him himself hire his history hit hiya hobby hold hole holiday home homework
honest honey hope horse hospital host hot hotel hour house household how however hows html huge human hundred
hungary hungry hunt hurry hurt husband ice iceland icon idea if ill im image imagine important impossible in
inch inches include increase indeed india indian indonesia indoor inform informal information ingredient inside
instead interest interesting international internet interview into intro introduce introduction invent inventor
invitation invite iran ireland irish iron is island isn isnt israel it italian italy item itinerary its itself
ive jacket jam jan january japan japanese jar jealous jeans job jog join journey joy json juice jul juliet july
jump jun june jungle just keep kenya kept key keyboard kg kid kill kilo kilogram kilometer kilometre kind king
kiss kitchen kite kitten km knee knew knife knock know known korea korean label lady laid lake lamb lamp land
language laptop large last late latin laugh laundry lazy lb lbs lead leader leaf learn least leather leave led
left leg lemon lend length lent less lesson let lets letter level library lie life lift light like line linkedin
lion lip lisa list listen liter literature litre little live local lock logo lol london lonely long longer look
lose loss lost lot loud love lovely low luck lucky lunch lyrics machine mad made madrid magazine magic mail main
make malaysia male man manage manager many map mar march mark markdown market marry mask match material may
maybe mayor me meal mean meaning meant meat medal media medium meet meeting member memory men menu merry mess
message met metal meter metre mexico middle midnight might mile milk million mind mine minister minute mirror
miss missing mistake mix mm mobile model modern mom moment mon mona monday money monkey month monument mood moon
more morning moscow most mother motivate motto mountain mouse mouth move movie mozart much mum museum mushroom
music musical musician must my myself nail name nap narrow nation national nature naughty near nearly neat
necessary neck necklace need neighbor neighbour neither nephew nervous nest net netherlands never new news
newsletter newspaper next nice nickname niece nigeria night nile nine no nobody noise noisy none noon nor normal
north norway nose not note notebook nothing notice noun nov novel november now number nurse nut object ocean oct
october of off offer office official often oil okay old on once one onion online only open opinion opposite or
orange order ordinary other ounce our ours out outdoor outfit outro outside oven over own owner pacific pack
package packing page paid pain paint painter painting pair pakistan palace pan pancake panda pants paper
paragraph pardon parent paris park part participle partner party pass passenger passport password past pasta
path pay payment pdf peace peach peanut pear pen pencil people pepper perfect perhaps period permission person
personal peru pet philippines phone photo photograph phrase piano picasso pick picnic picture pie piece pig
pillow pilot pink pipe pizza place plain plan plane planet plant plastic plate play player please pleasure
plenty pls plural plus plz pm pocket poem poet poetry point points poland police polish polite politely pool
poor popular population pork portugal portuguese position possible post postal poster postpone pot potato pound
pour power practice practise pray prefer prepare present president press pretty price pride prince princess
print prize probably problem product professional program promise pronounce proper protect proud public pull
pump pumpkin punctuation puppy purchase purple purpose purse push put puzzle quality quarter queen question
quick quiet quite quiz quote rabbit race radio rain rainbow raise ran rang rate rather reach read ready real
realise realize really reason receipt receive recent recipe recommend record red refund refuse regret regular
relationship relax remain remember remind reminder remove rent repair repeat replace reply report request rest
restaurant result resume retirement return review reward rhyme rice rich ridden ride right ring rise river road
robot rock rode role rome romeo roof room root rope rose rough round row royal rsvp rude rule run rush russia
russian sad safe said salad salary sale salt same sand sandal sandwich sang sat saturday sauce sausage save saw
say saying scarf scene schedule school science scissors score scotland scream screen sea search season seat
second secret see seem seen sell send sense sent sentence seoul sep sept september serious serve service set
seven several shadow shake shakespeare shall shape share sharp she sheep sheet shelf shine ship shirt shoe shop
shopping short shorten shorter shot should shoulder shouldn shout show shower shown shut shy sick side sight
sign silence silly silver similar simple simpler since sincere sing singapore singer single singular sink sister
sit six size skill skin skirt sky sleep sleepy slept slice slide slogan slow small smart smell smile smoke
smooth snack snake snow so soap soccer social sock sofa soft soil sold soldier some somebody someone something
sometimes somewhere son song soon sorry sort sound soup sour south space spain spanish speak special speech
speed spell spelling spend spent spider spoke spoken spoon sport spot spreadsheet spring square stage stair
stamp stand star start state station stay steak steal step stick still stole stolen stone stood stop store storm
story straight strange stranger strawberry street stretch strong stuck student study stupid style subject
subtitle such sudden sugar suggest suit summer sun sunday sung sunny sunset supermarket supper suppose sure
surname surprise swam sweater sweden sweet swim switzerland sword sydney table tablespoon tag tagline tail
taipei taiwan take taken talk tall taste taught taxi tea teach teacher team tear teaspoon teenager teeth
telephone television tell temperature ten tennis tense tent term terrible test texas text textbook thailand than
thank that the theater theatre their them themselves then there these they thick thin thing think third thirsty
thirteen thirty this those though thought thousand three threw throat through throw thrown thu thumb thunder
thurs thursday thx ticket tidy tie tiger tight till time timezone tiny tip tired title to toast today toe
together toilet tokyo told tomato tomorrow tone tongue tonight too took tool tooth toothbrush top toronto total
touch tourist toward towel tower town toy track traffic train travel treasure tree trip trouble trousers truck
true trust truth try tube tue tues tuesday turkey turn tweet twelve twenty twice twin two ty type ugly ukraine
umbrella uncle under understand understood unhappy uniform university unless until up upon upper upset upstairs
us usa use useful user username usual utc vacation valentine value vase vegan vegetable vegetarian verb verse
very video vietnam view village violin visit visitor vocabulary voice volleyball vowel wait waiter waitress wake
wales walk wall wallet want war warm was wash washington wasn watch water way we weak wear weather web website
wed wedding wednesday week weekday weekend weigh weight welcome well went were west wet whale what whats wheel
when where wheres whether which while white who whole whom whos whose why wide wife wild will win wind window
wine wing winner winter wise wish wishes with without woke wolf woman women won wonder wonderful wood wooden
wool word words wore work worker workout world worn worry worse worst worth would wouldn wow wrap write writer
written wrong wrote yaml yard year yellow yes yesterday yet yoga york you young your youre yours yourself youth
zebra zero zip zoo
"""

EVERYDAY: frozenset[str] = frozenset(_WORDS.split())
"""The default: about two thousand words of English, some names of places, and what people abbreviate."""

_ENDINGS = (
    *(("ies", "y"), ("ied", "y"), ("ily", "y"), ("ier", "y"), ("iest", "y"), ("ing", ""), ("ing", "e"), ("ed", "")),
    *(("ed", "e"), ("es", ""), ("s", ""), ("ly", ""), ("er", ""), ("er", "e"), ("est", ""), ("est", "e")),
)


def is_everyday(word: str, known: frozenset[str] = EVERYDAY) -> bool:
    """Return whether a word in lower case, or what it is a form of, is among those known.

    >>> [is_everyday(word) for word in ("cities", "planning", "chromatic")]
    [True, True, False]
    """
    if word in known:
        return True
    for ending, instead in _ENDINGS:
        if word.endswith(ending):
            stem = word[: -len(ending)]
            if stem + instead in known or (stem[-1:] == stem[-2:-1] and stem[:-1] in known):
                return True
    return False
